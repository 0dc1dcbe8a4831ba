// Solves a multiple-choice knapsack. With the price λ of the relaxation, every choice costs
//   bound + Σ reduced costs of its options + λ · capacity left,
// all terms at least 0. An option whose reduced cost reaches the gap between the best choice so far and the bound is in no better one, and
// what remains is searched by dynamic programming over undominated states (Pisinger 1995, "A minimal algorithm for the multiple-choice
// knapsack problem").
import { type Numbered, type Option, relax, undominated } from './relax.js'

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

/** States that the search keeps at a time. */
const MOST_STATES = 1 << 17

/** An option beside the one that the relaxation takes. */
interface Step {
  option: Numbered
  /** More weight than the option that the relaxation takes; may be below 0. */
  weight: number
  /** Reduced cost. */
  reduced: number
}

/** Some groups with other options than the relaxation's. */
interface State {
  /** Sums of the steps. */
  weight: number
  reduced: number
  /** The step last taken, and what was before. */
  group: number
  step: Step | null
  before: State | null
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/**
 * One option of each group, of least summed cost, within a capacity for the summed weight. Where the search ends early, `bound` is below
 * `cost`, and says by how much at most a better choice would cost less.
 * @returns null where the lightest options exceed the capacity
 */
export function pack(given: readonly (readonly Option[])[], capacity: number, mostStates = MOST_STATES): Packed | null {
  const groups = given.map(undominated)
  if (sumOf(groups.map((group) => group[0]!.weight)) > capacity) return null
  const { start, price } = relax(groups, capacity)
  const room = capacity - sumOf(start.map(({ weight }) => weight))
  const steps = groups.map((group, k) => stepsOf(group, start[k]!, price))
  const { state, gap } = search(steps, { room, price, mostStates })
  const chosen = start.slice()
  for (let at: State | null = state; at; at = at.before) if (at.step) chosen[at.group] = at.step.option
  const cost = sumOf(chosen.map((option) => option.cost))
  return {
    chosen: chosen.map(({ i }) => i),
    cost,
    weight: sumOf(chosen.map(({ weight }) => weight)),
    bound: cost - gap,
    price,
  }
}

const stepsOf = (group: readonly Numbered[], start: Numbered, price: number): Step[] =>
  group
    .filter((option) => option !== start)
    .map((option) => ({
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

/** The best state, and how far above the bound its choice may cost at most. */
function search(steps: readonly Step[][], { room, price, mostStates }: Limits): { state: State; gap: number } {
  const excess = ({ weight, reduced }: Pick<State, 'weight' | 'reduced'>): number => reduced + price * (room - weight)
  const origin: State = { weight: 0, reduced: 0, group: -1, step: null, before: null }
  let best = origin
  let gap = excess(origin)
  /** The least that a choice behind a state which was dropped for want of room may cost. */
  let dropped = Infinity
  // Groups with cheap alternatives first: they close the gap, which then rules out the others.
  const order = [...steps.keys()].sort(
    (a, b) => (steps[a]![0]?.reduced ?? Infinity) - (steps[b]![0]?.reduced ?? Infinity),
  )
  const { lightest, heaviest } = reachOf(steps, order)
  let states = [origin]
  for (const [at, group] of order.entries()) {
    const open = steps[group]!.filter(({ reduced }) => reduced < gap)
    if (!open.length) continue
    const made: State[] = states.slice()
    for (const before of states)
      for (const step of open) {
        const reduced = before.reduced + step.reduced
        if (reduced >= gap) break
        const state = { weight: before.weight + step.weight, reduced, group, step, before }
        made.push(state)
        if (state.weight <= room && excess(state) < gap) [best, gap] = [state, excess(state)]
      }
    const [least, most] = [lightest[at + 1]!, heaviest[at + 1]!]
    const alive = made.filter(
      (state) =>
        state.weight + least <= room &&
        state.reduced + price * Math.max(0, room - state.weight - most) < gap &&
        state.reduced < gap,
    )
    states = leading(alive, price)
    if (states.length > mostStates) {
      states.sort((a, b) => a.reduced - b.reduced)
      dropped = Math.min(dropped, states[mostStates]!.reduced)
      states.length = mostStates
    }
  }
  return { state: best, gap: Math.max(0, gap - Math.min(gap, dropped === Infinity ? gap : dropped)) }
}

/** Behind each place in the order: the least and the most weight that the groups which are left may add. */
function reachOf(steps: readonly Step[][], order: readonly number[]): { lightest: number[]; heaviest: number[] } {
  const [lightest, heaviest] = [Array<number>(order.length + 1).fill(0), Array<number>(order.length + 1).fill(0)]
  for (let at = order.length - 1; at >= 0; at--) {
    const weights = steps[order[at]!]!.map(({ weight }) => weight)
    lightest[at] = lightest[at + 1]! + Math.min(0, ...weights)
    heaviest[at] = heaviest[at + 1]! + Math.max(0, ...weights)
  }
  return { lightest, heaviest }
}

/** Without the states that another one of at most their weight beats. Sorts them. */
function leading(states: State[], price: number): State[] {
  // The cost of a state, up to what all have in common.
  const costOf = ({ weight, reduced }: State): number => reduced - price * weight
  states.sort((a, b) => a.weight - b.weight || a.reduced - b.reduced)
  let least = Infinity
  return states.filter((state) => {
    const cost = costOf(state)
    return cost < least && ((least = cost), true)
  })
}
