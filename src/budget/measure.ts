// The loss that a choice of candidates costs, on items; and the damage of candidates on them.
import { divergenceOf } from '../divergence/index.js'
import { UserError } from '../errors/index.js'
import { checkLoss } from '../evaluate/index.js'
import { classifyChange, classifyDivergence, type Loss, type LossKind, lossOf } from '../loss/index.js'
import { type Batch, checkDivergence, type Weights } from '../models/index.js'
import type { LoadedPair } from '../run/index.js'
import { taskWords } from '../tasks/index.js'
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

/**
 * A judge of the candidates of a model, once they are priced. The last items of the task are chosen by, and as many first ones check the choice.
 * @throws UserError for a task that is too short, or on which the model has no such loss
 */
export async function openJudge(
  home: LoadedPair,
  { task: source, items, kind }: { task: string; items: number; kind: LossKind },
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
  const parts = {
    learn: await home.encode(source, count - items, count),
    check: await home.encode(source, 0, items),
  }
  const losses = new Map<Batch[], Loss>()
  const measure = async (batches: Batch[], moved: Weights): Promise<Omit<MeasuredChange, 'items'>> => {
    const edited = { ...post, ...moved }
    if (kind === 'kl') {
      const { kl } = await divergenceOf(model, { post, edited }, batches, { states: home.states })
      return classifyDivergence(kl)
    }
    const before = losses.get(batches) ?? (await lossOf(model, post, batches))
    losses.set(batches, before)
    return classifyChange(before, await lossOf(model, edited, batches))
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
    const damage = (): Damage => openDamage({ model, post, items: each }, priced)
    return { kind, damage, learn: on(parts.learn), check: on(parts.check) }
  }
}
