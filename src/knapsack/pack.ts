// Solves a multiple-choice knapsack. With the price λ of the relaxation, every choice costs
//   bound + Σ reduced costs of its options + λ · capacity left,
// all terms at least 0. An option whose reduced cost reaches the gap between the best choice so far and the bound is in no better one, and
// what remains is searched by dynamic programming over undominated states (Pisinger 1995, "A minimal algorithm for the multiple-choice
// knapsack problem").
import { type Numbered, type Option, relax, undominated } from './relax.js'
import { beginChoices, type Shift } from './states.js'

export interface Packed {
  /** Number of the option of each group. */
  chosen: number[]
  cost: number
  weight: number
  /** No choice within the capacity costs less; equal to the cost where the choice is proved best. */
  bound: number
  /** What a unit of weight saves at the margin. */
  price: number
}

/** States that a search keeps at a time, and of all groups together. */
const MOST_STATES = 1 << 17
const MOST_PATHS = 1 << 22

/** An option beside the one that the relaxation takes. */
interface OptionShift extends Shift {
  group: number
  option: Numbered
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/**
 * One option of each group, of least summed cost, within a capacity for the summed weight. Where the search ends early, `bound` is below
 * `cost`, and says by how much at most a better choice would cost less.
 * @returns null where the lightest options exceed the capacity
 */
export function pack(
  given: readonly (readonly Option[])[],
  capacity: number,
  mostStates = Math.min(MOST_STATES, Math.ceil(MOST_PATHS / given.length)),
): Packed | null {
  const groups = given.map(undominated)
  if (sumOf(groups.map((group) => group[0]!.weight)) > capacity) return null
  const { start, price } = relax(groups, capacity)
  const room = capacity - sumOf(start.map(({ weight }) => weight))
  const steps = groups.map((group, k) => stepsOf(group, k, { start: start[k]!, price }))
  const { taken, gap } = search(steps, { room, price, mostStates })
  const chosen = start.slice()
  for (const { group, option } of taken) chosen[group] = option
  const cost = sumOf(chosen.map((option) => option.cost))
  return {
    chosen: chosen.map(({ i }) => i),
    cost,
    weight: sumOf(chosen.map(({ weight }) => weight)),
    bound: cost - gap,
    price,
  }
}

const stepsOf = (
  options: readonly Numbered[],
  group: number,
  { start, price }: { start: Numbered; price: number },
): OptionShift[] =>
  options
    .filter((option) => option !== start)
    .map((option) => ({
      group,
      option,
      weight: option.weight - start.weight,
      reduced: Math.max(0, option.cost - start.cost + price * (option.weight - start.weight)),
    }))
    .sort((a, b) => a.reduced - b.reduced)

interface Limits {
  /** Weight that the start leaves of the capacity. */
  room: number
  price: number
  mostStates: number
}

/** The steps of the best choice that was found, and how far above the bound it may cost at most. */
function search(
  steps: readonly (readonly OptionShift[])[],
  { room, price, mostStates }: Limits,
): { taken: OptionShift[]; gap: number } {
  const all = steps.flat()
  const firsts = steps.map((_, group) => all.findIndex((step) => step.group === group))
  const choices = beginChoices(mostStates, price)
  const paths = recordPaths()
  const excess = (weight: number, reduced: number): number => reduced + price * (room - weight)
  let best = -1
  let gap = excess(0, 0)
  /** The least that a choice behind a state which was dropped for want of room may cost. */
  let dropped = Infinity
  // Groups with cheap alternatives first: they close the gap, which then rules out the others.
  const order = [...steps.keys()].sort(
    (a, b) => (steps[a]![0]?.reduced ?? Infinity) - (steps[b]![0]?.reduced ?? Infinity),
  )
  const { lightest, heaviest } = reachOf(steps, order)
  for (const [at, group] of order.entries()) {
    const open = steps[group]!.filter(({ reduced }) => reduced < gap)
    if (!open.length) continue
    choices.each((weight, reduced, path) => {
      for (const [k, step] of open.entries()) {
        if (reduced + step.reduced >= gap) break
        const over = excess(weight + step.weight, reduced + step.reduced)
        if (weight + step.weight <= room && over < gap) [best, gap] = [paths.add(path, firsts[group]! + k), over]
      }
    })
    const [least, most] = [lightest[at + 1]!, heaviest[at + 1]!]
    const left = choices.extend(
      open,
      (weight, reduced) =>
        weight + least <= room && reduced + price * Math.max(0, room - weight - most) < gap && reduced < gap,
      (path, k) => paths.add(path, firsts[group]! + k),
    )
    dropped = Math.min(dropped, left)
  }
  return {
    taken: paths.stepsTo(best).map((step) => all[step]!),
    gap: Math.max(0, gap - Math.min(gap, dropped === Infinity ? gap : dropped)),
  }
}

/** Steps by number, each with the path before it. */
function recordPaths(): { add(before: number, step: number): number; stepsTo(path: number): number[] } {
  let size = 0
  let [befores, steps] = [new Int32Array(64), new Int32Array(64)]
  const longer = (values: Int32Array): Int32Array<ArrayBuffer> => {
    const copy = new Int32Array(2 * values.length)
    copy.set(values)
    return copy
  }
  return {
    add(before, step) {
      if (size === befores.length) [befores, steps] = [longer(befores), longer(steps)]
      befores[size] = before
      steps[size] = step
      return size++
    },
    stepsTo(path) {
      const found: number[] = []
      for (let at = path; at >= 0; at = befores[at]!) found.push(steps[at]!)
      return found
    },
  }
}

/** Behind each place in the order: the least and the most weight that the groups which are left may add. */
function reachOf(
  steps: readonly (readonly Shift[])[],
  order: readonly number[],
): { lightest: number[]; heaviest: number[] } {
  const [lightest, heaviest] = [Array<number>(order.length + 1).fill(0), Array<number>(order.length + 1).fill(0)]
  for (let at = order.length - 1; at >= 0; at--) {
    const weights = steps[order[at]!]!.map(({ weight }) => weight)
    lightest[at] = lightest[at + 1]! + Math.min(0, ...weights)
    heaviest[at] = heaviest[at + 1]! + Math.max(0, ...weights)
  }
  return { lightest, heaviest }
}
