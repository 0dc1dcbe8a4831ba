// What a task is: items of prompt and target text, a metric, a version. Made from a JSONL file and a card.

export interface Item {
  id: string
  prompt: string
  /** What the model should answer, without the end-of-text token. */
  target: string
  /** Further fields of the JSONL line that a metric may read (e.g. the tests of a program). */
  fields: Record<string, unknown>
}

export interface Task {
  name: string
  version: number
  description: string
  /** Name in `metrics`. */
  metric: string
  /** Longest answer generated, in tokens. */
  maxNewTokens: number
  items: Item[]
}

/** Scores one generated answer against its item: 1 right, 0 wrong (or a value between). */
export interface Metric {
  name: string
  description: string
  /** True when an answer equal to the target always scores 1, so that a teacher-forced match needs no generation. */
  exactImpliesRight: boolean
  score(answer: string, item: Item): number
}
