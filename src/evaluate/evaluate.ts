// Scores and losses of a model on a task, whatever its kind: generated answers, choices by likelihood, or classes.
import { UserError } from '../errors/index.js'
import { type Batch, checkDivergence, type Model, type Objective } from '../models/index.js'
import { answerMetric, postMetrics, replyMetrics, sliceTask, type Task } from '../tasks/index.js'
import { methodsOf, type Reply } from './kinds/index.js'
import { BATCH_TOKENS, type EncodeOptions, type Reach, type Subject } from './options.js'
import type { Reader } from './reader.js'
import type { Scores } from './scores.js'

export interface ScoreOptions extends EncodeOptions {
  /** Metrics that run generated programs may do so. */
  allowCode?: boolean | undefined
}

/**
 * Scores the first `items` items.
 * @throws UserError before anything is computed: a task that runs generated programs without leave, a model of another kind
 */
export async function evaluateTask(subject: Subject, task: Task, options: ScoreOptions = {}): Promise<Scores> {
  checkTask(task, subject.model, options)
  return scoreReplies(task, await replyTo(subject, task, options))
}

/**
 * The task as this model takes it. Where there is one text alone, its windows are the items.
 * @param most items that are wanted, from the first: no more of a long text is read than they need
 * @throws UserError for a task that the model cannot do
 */
export async function fitTask(task: Task, reader: Reader, reach: Reach, most?: number): Promise<Task> {
  return (await methodsOf(task).fit?.(task, reader, reach, most)) ?? task
}

/** What a person should know of the items, one sentence each. */
export const taskNotes = (task: Task, reach: Reach): string[] => methodsOf(task).notes?.(task, reach) ?? []

/** The replies to all items from the sums of their losses; undefined where they are something else. */
export const repliesOfLoss = (
  task: Task,
  loss: { itemSums: ArrayLike<number>; itemTokens: ArrayLike<number> },
): Reply[] | undefined => methodsOf(task).repliesOf?.(task, loss)

/** The replies to the first `items` items. `checkTask` must have accepted the task. */
export function replyTo(subject: Subject, task: Task, { items, batchTokens }: EncodeOptions = {}): Promise<Reply[]> {
  return methodsOf(task).reply(subject, sliceTask(task, 0, items), batchTokens)
}

/** Scores the replies to the first items. */
export async function scoreReplies(task: Task, replies: readonly Reply[]): Promise<Scores> {
  return methodsOf(task).score(sliceTask(task, 0, replies.length), replies)
}

/**
 * Right-padded batches of the first `items` items, as the loss is measured on them. Generated answers: prompt, target and
 * end-of-text, with labels on target and end-of-text only. Choices: the right one, without end-of-text. Classes: the text or pair
 * with its class or value. Images: as they are, with their class. Texts: windows, with labels on the tokens that no earlier window has. A prompt is cut from the left where prompt and answer are more
 * than the model's positions.
 * @throws UserError for a task without reference answers, an answer that has no room, and a model that reads something else
 */
export async function encodeItems(
  task: Task,
  reader: Reader,
  reach: Reach,
  { items, batchTokens = BATCH_TOKENS }: EncodeOptions = {},
): Promise<Batch[]> {
  return methodsOf(task).encode(sliceTask(task, 0, items), reader, reach, batchTokens)
}

/** Whether one of the task's metrics runs generated programs, which a person has to allow. */
export const runsCode = (task: Task): boolean =>
  task.kind === 'generate' && replyMetrics(task).some((name) => answerMetric(task, name).runsCode === true)

/**
 * Checks what the first `items` items ask for, before anything is computed.
 * @throws UserError for a choice that adds no token or has no room, for an id without a row in the model's embedding, and for a
 *   generation_config.json that is not followed here
 */
export async function checkItems(
  task: Task,
  reader: Reader,
  reach: Reach,
  { items }: Pick<EncodeOptions, 'items'> = {},
): Promise<void> {
  await methodsOf(task).checkItems(sliceTask(task, 0, items), reader, reach)
}

/** @throws UserError for a task that this model, or this call, cannot do */
export function checkTask(task: Task, model: Model, { allowCode }: ScoreOptions = {}): void {
  if (runsCode(task) && !allowCode)
    throw new UserError(
      `task ${task.name} runs the programs that the model writes; give --allow-code-execution to let it`,
    )
  const compared = postMetrics(task)
  if (compared.includes('kl')) checkDivergence(model, 'this one')
  if (compared.includes('cosine') && model.objective !== 'features')
    throw new UserError(
      `task ${task.name}: metric cosine compares features, and this model ${DOES[model.objective]}: ask for kl`,
    )
  // Features are compared alone: there is nothing that they could be scored by.
  const scored = replyMetrics(task).length > 0
  if (scored || model.objective !== 'features') checkObjective(task, model.objective, !scored)
  methodsOf(task).checkModel?.(task, model)
}

/** What a model of each objective does. */
const DOES: Record<Objective, string> = {
  causal: 'generates text',
  masked: 'fills in masked tokens',
  replaced:
    'tells replaced tokens from others, for which there are no tasks. Give a fine-tune with another head, or put one on it: ' +
    "deltalab train with this model as from and the head's class in architectures",
  classes: 'classifies',
  value: 'gives a value',
  features:
    'has no head and gives features alone. Give a fine-tune with a head, or put one on it: deltalab train with this model as ' +
    "from and the head's class in architectures (of CLIP's image tower, give attribute and sweep the whole CLIPModel as base)",
}

/** @throws UserError for a task on which this model has no loss */
export const checkLoss = (task: Task, { objective }: Model): void => checkObjective(task, objective, true)

/** @throws UserError for a model that does something else than the task asks for; a model for masked tokens has a loss on text, and no score */
function checkObjective(task: Task, objective: Objective, forLoss: boolean): void {
  const { classifies, masks } = methodsOf(task)
  if (classifies ? objective === 'classes' || objective === 'value' : objective === 'causal') return
  if (!classifies && (forLoss || masks) && objective === 'masked') return
  throw new UserError(
    `task ${task.name} needs a model that ${classifies ? 'classifies' : masks ? 'predicts tokens' : 'generates text'}, and this one ${DOES[objective]}`,
  )
}
