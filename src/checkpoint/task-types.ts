// The task_type of adapter_config.json, and the classes of transformers that it stands for.

export type TaskType = 'CAUSAL_LM' | 'SEQ_CLS' | 'TOKEN_CLS' | 'QUESTION_ANS' | 'FEATURE_EXTRACTION'

/** Ends of the names of the classes with a head for a task. */
const HEADED = {
  SEQ_CLS: 'ForSequenceClassification',
  TOKEN_CLS: 'ForTokenClassification',
  QUESTION_ANS: 'ForQuestionAnswering',
} as const

/** The end of the class for a task; undefined where the task has no head of its own. */
export const classEndOf = (type: string): string | undefined =>
  Object.hasOwn(HEADED, type) ? HEADED[type as keyof typeof HEADED] : undefined

/** The task of a class with a head; undefined for other classes. */
export const headedTask = (className: string): TaskType | undefined =>
  (Object.keys(HEADED) as (keyof typeof HEADED)[]).find((type) => className.endsWith(HEADED[type]))
