// Chooses a candidate for each tensor: of least estimated loss within a number of bytes, or of fewest bytes within a loss change.
import { UserError } from '../errors/index.js'
import { pack } from '../knapsack/index.js'
import type { Damage, Priced } from './damage.js'
import type { Judge, MeasuredChange } from './measure.js'

/** A choice, and what is known of it. */
export interface Allocation {
  /** Numbers of candidates. */
  chosen: number[]
  /** Data of the tensors. */
  bytes: number
  /** How it was found: from the estimated damage, from the relative error, or the same codec for all that was better on the items. */
  by: 'damage' | 'relative error' | 'uniform'
  /** Sum of the damages of the tensors; and with what they do to each other. Null without items. */
  estimated: number | null
  together: number | null
  /** On the items that it was chosen by. */
  learned: MeasuredChange | null
  /** No choice of as many bytes has an estimated sum that is lower by more than this part of it. */
  gap: number
}

/** Choices that follow one another, each from draws on the way to the last one. */
const ROUNDS = 3
/**
 * Codecs that are left out in turn: what low ranks and grids take away from one tensor and the next points the same way, so that
 * together they may cost far more than the sum that was estimated.
 */
const WITHOUT: readonly (readonly string[])[] = [[], ['low_rank'], ['low_rank', 'bits']]
/** Halvings of the bytes that `fewestBytes` looks at. */
const HALVINGS = 8

const costsOf = (tensors: readonly Priced[]): number[][] =>
  tensors.map(({ candidates }) => candidates.map(({ error }) => error))

const bytesOf = (tensors: readonly Priced[], chosen: readonly number[]): number =>
  tensors.reduce((sum, { candidates }, k) => sum + candidates[chosen[k]!]!.bytes, 0)

export const leastBytes = (tensors: readonly Priced[]): number =>
  tensors.reduce((sum, { candidates }) => sum + Math.min(...candidates.map(({ bytes }) => bytes)), 0)

function solve(
  tensors: readonly Priced[],
  costs: readonly (readonly number[])[],
  capacity: number,
  without: readonly string[] = [],
): { chosen: number[]; cost: number; gap: number } {
  const groups = tensors.map(({ candidates }, k) =>
    candidates.flatMap(({ bytes, choice }, c) =>
      without.includes(choice.codec) ? [] : [{ cost: costs[k]![c]!, weight: bytes, c }],
    ),
  )
  const packed = pack(groups, capacity)
  if (!packed) throw new UserError(`${capacity} bytes are too few; the least that would do is ${leastBytes(tensors)}`)
  const { cost, bound } = packed
  const chosen = packed.chosen.map((at, k) => groups[k]![at]!.c)
  return { chosen, cost, gap: cost > bound ? (cost - bound) / cost : 0 }
}

/** Without a loss: the least summed squared error of the deltas, as a part of their squared norm. */
export function chooseByError(tensors: readonly Priced[], capacity: number): Allocation {
  const { chosen, gap } = solve(tensors, costsOf(tensors), capacity)
  const unknown = { estimated: null, together: null, learned: null }
  return { chosen, bytes: bytesOf(tensors, chosen), by: 'relative error', gap, ...unknown }
}

/** One codec for all tensors, with what fits best of it where one does not take it. */
function uniformChoices(tensors: readonly Priced[], capacity: number): number[][] {
  const words = (k: number, c: number): string => JSON.stringify(tensors[k]!.candidates[c]!.choice)
  const all = new Set(tensors.flatMap(({ candidates }, k) => [...candidates.keys()].map((c) => words(k, c))))
  const choices = [...all].map((wanted) =>
    tensors.map(({ candidates }, k) => {
      const own = [...candidates.keys()].find((c) => words(k, c) === wanted)
      // The most exact candidate is stored where the codec does not fit or is no smaller.
      return own ?? 0
    }),
  )
  return choices.filter((chosen) => {
    const bytes = bytesOf(tensors, chosen)
    return bytes <= capacity && bytes > capacity / 2
  })
}

/** What a choice is made from. */
export interface Estimates {
  tensors: readonly Priced[]
  judge: Judge
}

/**
 * Within a number of bytes. Draws are taken on the way to the choice of least relative error, and then to the best of what was
 * chosen by them, with all codecs and without some; the choice that loses least on the items is taken, of those and of one codec for all.
 */
export async function chooseWithin({ tensors, judge }: Estimates, capacity: number): Promise<Allocation> {
  const damage = judge.damage()
  const first = chooseByError(tensors, capacity)
  const found: Allocation[] = []
  const measure = async (choices: readonly Allocation[]): Promise<void> => {
    for (const choice of choices)
      if (!found.some((other) => isSame(choice, other)))
        found.push({ ...choice, learned: await judge.learn(choice.chosen) })
  }
  const best = (): Allocation => found.reduce((a, b) => (b.learned!.change < a.learned!.change ? b : a))
  await measure([first])
  for (let round = 0; round < ROUNDS; round++) {
    await damage.draw(best().chosen)
    await measure(WITHOUT.map((codecs) => chooseByDamage(tensors, damage, capacity, codecs)))
  }
  await measure(
    uniformChoices(tensors, capacity).map((chosen) => ({
      ...first,
      ...{ chosen, bytes: bytesOf(tensors, chosen), by: 'uniform' as const },
    })),
  )
  return withEstimates(tensors, damage, best())
}

function chooseByDamage(
  tensors: readonly Priced[],
  damage: Damage,
  capacity: number,
  without: readonly string[] = [],
): Allocation {
  const { chosen, gap } = solve(tensors, damage.costs(), capacity, without)
  const unknown = { estimated: null, together: null, learned: null }
  return { chosen, bytes: bytesOf(tensors, chosen), by: 'damage', gap, ...unknown }
}

const isSame = (a: Allocation, b: Allocation): boolean => a.chosen.every((c, k) => c === b.chosen[k])

function withEstimates(tensors: readonly Priced[], damage: Damage, choice: Allocation): Allocation {
  const costs = damage.costs()
  const estimated = tensors.reduce((sum, _, k) => sum + costs[k]![choice.chosen[k]!]!, 0)
  const { cost, gap } = solve(tensors, costs, choice.bytes)
  const above = estimated > cost && estimated > 0 ? (estimated - cost * (1 - gap)) / estimated : gap
  return { ...choice, estimated, together: damage.together(choice.chosen), gap: above }
}

/**
 * The fewest bytes that are found within a loss change on the items: halvings between the fewest that are possible and no loss at all,
 * each with further draws on the way to the last choice.
 */
export async function fewestBytes({ tensors, judge }: Estimates, most: number): Promise<Allocation> {
  const damage = judge.damage()
  let [low, high] = [
    leastBytes(tensors),
    bytesOf(
      tensors,
      tensors.map(() => 0),
    ),
  ]
  let way = chooseByError(tensors, Math.floor(Math.sqrt(Math.max(1, low) * high)))
  let best = chooseByError(tensors, high)
  best.learned = await judge.learn(best.chosen)
  for (let step = 0; step < HALVINGS && high > 1.01 * low; step++) {
    await damage.draw(way.chosen)
    way = chooseByDamage(tensors, damage, Math.floor(Math.sqrt(Math.max(1, low) * high)))
    way.learned = await judge.learn(way.chosen)
    if (way.learned.change <= most) {
      best = way
      high = way.bytes
    } else low = Math.max(low, way.bytes) + 1
  }
  return withEstimates(tensors, damage, best)
}
