// The scores of a model of a pair on items of a task: those of its replies, and how far it is from the post-trained model.
import { cosineScores, divergenceOf, divergenceScores, ownScores, pooledModel } from '../divergence/index.js'
import { evaluateTask, replyTo, type Scores, scoreReplies } from '../evaluate/index.js'
import type { Weights } from '../models/index.js'
import { postMetrics, replyMetrics, sliceTask, type Task } from '../tasks/index.js'
import type { HeldModel } from './edited-model.js'
import type { LoadedPair } from './loaded-pair.js'
import type { Measured, PairEnd } from './measured.js'

/** What a row tells of the scores of a model. */
export interface RowScores {
  metric: string
  score: number
  others?: Record<string, number>
}

/** Items from … to − 1 of a task, by its source. */
export interface ItemRange {
  source: string
  from: number
  to: number
}

/** Scores by name of a model beside post. */
async function compareWithPost(
  home: LoadedPair,
  weights: Weights,
  { source, from, to }: ItemRange,
): Promise<Record<string, number>> {
  const batches = await home.encode(source, from, to)
  if (home.model.objective === 'features') {
    const model = pooledModel(home.model, new Map([...home.tensors].map(([name, { shape }]) => [name, shape])))
    return cosineScores(model, { post: home.post, edited: weights }, batches)
  }
  const found = await divergenceOf(home.model, { post: home.post, edited: weights }, batches, { states: home.states })
  return divergenceScores(home.model, found)
}

/** All scores in one row: that of the task's first metric, and the others by name. */
export function joinScores(task: Task, replies: RowScores | null, compared: Record<string, number> | null): RowScores {
  if (!compared) return replies!
  if (replies && replies.metric === task.metric) return { ...replies, others: { ...replies.others, ...compared } }
  const { [task.metric]: score, ...rest } = compared
  return {
    metric: task.metric,
    score: score!,
    others: { ...rest, ...(replies && { [replies.metric]: replies.score, ...replies.others }) },
  }
}

/** Scores of an edited model on a range of items, and the number of items. */
export async function scoreRange(
  home: LoadedPair,
  { weights, routed }: Pick<HeldModel, 'weights' | 'routed'>,
  whole: Task,
  { allowCode, ...range }: ItemRange & { allowCode?: boolean | undefined },
): Promise<RowScores & { n: number }> {
  const task = sliceTask(whole, range.from, range.to)
  const subject = { model: home.model, weights, reader: home.tokenizer }
  const replies: Scores | null = replyMetrics(task).length
    ? await (routed?.score(task) ?? evaluateTask(subject, task, { allowCode }))
    : null
  const compared = postMetrics(task).length
    ? await (routed?.compare(task) ?? compareWithPost(home, weights, range))
    : null
  return { ...joinScores(task, replies, compared), n: task.items.length }
}

/** Scores of base or post on the items of a task. What post has beside itself follows from what the base has beside it. */
export async function scoreEnd(
  home: LoadedPair,
  task: Task,
  about: PairEnd,
  { weightsOf, measured }: { weightsOf(one: PairEnd['model']): Weights; measured: Measured },
): Promise<Pick<RowScores, 'score' | 'others'>> {
  const { model, tokenizer: reader } = home
  const replies = replyMetrics(task).length
    ? await measured.replies(about, () => replyTo({ model, weights: weightsOf(about.model), reader }, task))
    : null
  const ofBase = postMetrics(task).length
    ? await measured.compared({ ...about, model: 'base' }, () =>
        compareWithPost(home, weightsOf('base'), { source: about.source, from: 0, to: about.items }),
      )
    : null
  const compared = ofBase && about.model === 'post' ? ownScores(ofBase) : ofBase
  const { score, others } = joinScores(task, replies && (await scoreReplies(task, replies)), compared)
  return { score, ...(others && { others }) }
}
