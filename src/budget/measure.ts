// The loss that a choice of candidates costs, on items; and the damage of candidates on them.
import { divergenceOf } from '../divergence/index.js'
import { UserError } from '../errors/index.js'
import { checkLoss, encodeItems, fitTask, openReader } from '../evaluate/index.js'
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
import { type Batch, checkDivergence, type Load, type Model, type Weights } from '../models/index.js'
import type { Registry } from '../registry/index.js'
import type { LoadedPair } from '../run/index.js'
import { openModel } from '../sources/index.js'
import { loadTask, sliceTask, taskWords } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { type Damage, moveAlong, openDamage, type PricedTensors } from './damage.js'

/** A measured loss change, in nats for each token or row; of `kl` the divergence from post. */
export interface MeasuredChange {
  /** The loss of the edited model less that of post. */
  change: number
  /** Standard error over items. */
  standardError: number
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

/** What a loss is measured on: last items of a task to choose by, and as many first ones to check. */
interface MeasuredTask {
  task: string
  items: number
}

/** The batches that the loss is measured on, as small as may be. */
export async function smallestLoad(
  post: string,
  model: Model,
  {
    task: source,
    items,
    registry,
    tokenizer,
  }: MeasuredTask & { registry?: Registry | undefined; tokenizer?: string | undefined },
): Promise<Load> {
  if (model.sequence !== undefined) {
    const tokens = Math.max(FEWEST_TOKENS, model.sequence)
    return { total: tokens, largest: tokens, columns: model.sequence, counted: tokens }
  }
  const checkpoint = await openModel(post, { tokenizer, keepsCodes: true })
  try {
    const reader = await openReader(checkpoint, model)
    const task = await fitTask(await loadTask(source, registry && { tasks: registry.tasks }), reader, model)
    checkLoss(task, model)
    const count = task.items.length
    const used = [sliceTask(task, 0, items), sliceTask(task, Math.max(0, count - items), count)]
    const batches = (
      await Promise.all(used.map((part) => encodeItems(part, reader, model, { batchTokens: FEWEST_TOKENS })))
    ).flat()
    return loadOf(model, batches)
  } finally {
    await checkpoint.close()
  }
}

/**
 * A judge of the candidates of a model, once they are priced. The last items of the task are chosen by, and as many first ones check the choice.
 * @throws UserError for a task that is too short, or on which the model has no such loss
 */
export async function openJudge(
  home: LoadedPair,
  { task: source, items, kind, room }: MeasuredTask & { kind: LossKind; room: number },
): Promise<(priced: PricedTensors) => Judge> {
  const { model, post } = home
  const { task } = await home.open({ source })
  checkLoss(task, model)
  if (kind === 'kl') checkDivergence(model, 'this model')
  const count = task.items.length
  if (count < 2 * items)
    throw new UserError(
      `${taskWords(source)}: has ${count} items; twice --items ${items} are needed, to choose and to check`,
    )
  const each: Batch[] = []
  for (let i = count - items; i < count; i++) each.push(...(await home.encode(source, i, i + 1)))
  const pass = kind === 'kl' ? 'comparison' : 'forward'
  const fit = async (from: number, to: number): Promise<Batch[]> => {
    const { batches } = await fitBatches(model, room, pass, (tokens) => home.encode(source, from, to, tokens))
    return batches
  }
  const parts = { learn: await fit(count - items, count), check: await fit(0, items) }
  const losses = new Map<Batch[], Loss>()
  const measure = async (batches: Batch[], moved: Weights): Promise<Omit<MeasuredChange, 'items'>> => {
    const hold = (weights: Weights) => holdWithin(model, weights, batches, { kind: pass, bytes: room })
    const [before, after] = [hold(post), hold({ ...post, ...moved })]
    if (kind === 'kl') {
      const { kl } = await divergenceOf(model, { post: before, edited: after }, batches, { states: home.states })
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
        return { change, standardError, items }
      } finally {
        tf.dispose(moved)
      }
    }
    const damage = (): Damage => openDamage({ model, post, items: each, room }, priced)
    return { kind, damage, learn: on(parts.learn), check: on(parts.check) }
  }
}
