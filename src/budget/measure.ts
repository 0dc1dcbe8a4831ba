// The loss that a choice of candidates costs, on items; and the damage of candidates on them.
import { divergenceOf, keepStates } from '../divergence/index.js'
import { UserError } from '../errors/index.js'
import { checkLoss, encodeItems } from '../evaluate/index.js'
import {
  classifyChange,
  classifyDivergence,
  FEWEST_TOKENS,
  fitBatches,
  holdWithin,
  type Loss,
  type LossKind,
  loadOf,
  lossOf,
} from '../loss/index.js'
import { type Batch, checkDivergence, countOutputs, type Model, type Weights } from '../models/index.js'
import type { PairTasks } from '../run/index.js'
import { sliceTask, taskWords } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { type Damage, moveAlong, openDamage, type PricedTensors } from './damage.js'
import type { MeasuredLoad } from './memory.js'

/** A measured loss change, in nats for each token or row; of `kl` the divergence from post. */
export interface MeasuredChange {
  /** The loss of the edited model less that of post. */
  change: number
  /** Standard error over items; null of one item. */
  standardError: number | null
  /** Number of items. */
  items: number
}

/** What choices are measured on. */
export interface Judge {
  kind: LossKind
  damage(): Damage
  /** On the items that are chosen by. */
  learn(chosen: readonly number[]): Promise<MeasuredChange>
  /** On others. */
  check(chosen: readonly number[]): Promise<MeasuredChange>
}

/** A task that a loss is measured on: its last items to choose by, and as many first ones to check. */
export interface JudgedTask {
  model: Model
  kind: LossKind
  items: number
  /** Place of the first item to choose by. */
  last: number
  /** The batches of items from … to − 1. */
  encode(from: number, to: number, batchTokens?: number): Promise<Batch[]>
}

/** @throws UserError for a task that is too short, or on which the model has no such loss */
export async function openJudged(
  { model, tokenizer, open }: PairTasks,
  { task: source, items, kind }: { task: string; items: number; kind: LossKind },
): Promise<JudgedTask> {
  const { task } = await open({ source })
  checkLoss(task, model)
  if (kind === 'kl') checkDivergence(model, 'this model')
  const count = task.items.length
  if (count < 2 * items)
    throw new UserError(`${taskWords(source)}: has ${count} items; twice ${items} are needed, to choose and to check`)
  const encode: JudgedTask['encode'] = (from, to, batchTokens) =>
    encodeItems(sliceTask(task, from, to), tokenizer, model, { batchTokens })
  return { model, kind, items, last: count - items, encode }
}

/** Bytes of states of post that are kept for the divergences of all choices. */
const STATES = 32e6

/** What passes of a task take where its batches are as small as may be. */
export async function smallestLoad({ model, kind, items, last, encode }: JudgedTask): Promise<MeasuredLoad> {
  const [check, learn] = [await encode(0, items, FEWEST_TOKENS), await encode(last, last + items, FEWEST_TOKENS)]
  // Items to choose by are held one by one, too.
  const batches = countBytes([...check, ...learn, ...learn])
  const counted = [...check, ...learn].reduce((sum, batch) => sum + countOutputs(model, batch).at.length, 0)
  const states = kind === 'kl' ? Math.min(STATES, 4 * model.width * counted) : 0
  return { model, load: loadOf(model, [...check, ...learn]), batches: batches + states }
}

const countBytes = (batches: readonly Batch[]): number =>
  batches.reduce(
    (sum, batch) =>
      sum + Object.values(batch).reduce((bytes, part) => bytes + (ArrayBuffer.isView(part) ? part.byteLength : 0), 0),
    0,
  )

/** A judge of the candidates of a model, once they are priced. @param room bytes for a pass, beside the weights of post */
export async function openJudge(
  { model, kind, items, last, encode }: JudgedTask,
  { post, room }: { post: Weights; room: number },
): Promise<(priced: PricedTensors) => Judge> {
  const each: Batch[] = []
  for (let i = last; i < last + items; i++) each.push(...(await encode(i, i + 1)))
  const pass = kind === 'kl' ? 'comparison' : 'forward'
  const fit = async (from: number): Promise<Batch[]> => {
    const { batches } = await fitBatches(model, room, pass, (tokens) => encode(from, from + items, tokens))
    return batches
  }
  const parts = { learn: await fit(last), check: await fit(0) }
  const states = keepStates(STATES)
  const losses = new Map<Batch[], Loss>()
  const measure = async (batches: Batch[], moved: Weights): Promise<{ change: number; standardError: number }> => {
    const hold = (weights: Weights) => holdWithin(model, weights, batches, { kind: pass, bytes: room })
    const [before, after] = [hold(post), hold({ ...post, ...moved })]
    if (kind === 'kl') {
      const { kl } = await divergenceOf(model, { post: before, edited: after }, batches, { states })
      return classifyDivergence(kl)
    }
    const own = losses.get(batches) ?? (await lossOf(model, before, batches))
    losses.set(batches, own)
    return classifyChange(own, await lossOf(model, after, batches))
  }
  return (priced) => {
    const on = (batches: Batch[]) => async (chosen: readonly number[]) => {
      const moved = moveAlong(post, priced, chosen, 1)
      try {
        const { change, standardError } = await measure(batches, moved)
        return { change, standardError: Number.isFinite(standardError) ? standardError : null, items }
      } finally {
        tf.dispose(moved)
      }
    }
    const damage = (): Damage => openDamage({ model, post, items: each, room }, priced)
    return { kind, damage, learn: on(parts.learn), check: on(parts.check) }
  }
}
