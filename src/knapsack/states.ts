// The partial choices of a search: columns of numbers, for there may be hundreds of thousands, and as many objects would take hundreds of
// megabytes.

/** A step from the option that the relaxation takes of a group to another one. */
export interface Shift {
  /** More weight than the option that the relaxation takes; may be below 0. */
  weight: number
  /** Reduced cost, at least 0. */
  reduced: number
}

/** Partial choices by rising weight. */
interface States {
  size: number
  /** Sums of their steps. */
  weight: Float64Array
  reduced: Float64Array
  /** Steps that led there; while a group is added, the state before its step. */
  path: Int32Array
  /** While a group is added: number of its step; −1 for none. */
  step: Int32Array
}

const makeStates = (room: number): States => ({
  size: 0,
  weight: new Float64Array(room),
  reduced: new Float64Array(room),
  path: new Int32Array(room),
  step: new Int32Array(room),
})

/** Sums of a state that may lead to a better choice. */
type IsOpen = (weight: number, reduced: number) => boolean

export interface PartialChoices {
  /** Calls `visit` with the sums and the path of each state. */
  each(visit: (weight: number, reduced: number, path: number) => void): void
  /**
   * Adds one of these steps, or none, to each state; states that are not open, or that another one of at most their weight beats, are left.
   * @param pathOf the path behind one, after a step of this number
   * @returns the least reduced cost of a state that was left for want of room
   */
  extend(steps: readonly Shift[], isOpen: IsOpen, pathOf: (before: number, step: number) => number): number
}

/** Begins with no steps and the path −1. @param most states at a time @param price what a unit of weight saves */
export function beginChoices(most: number, price: number): PartialChoices {
  let [states, made, spare] = [makeStates(1), makeStates(0), makeStates(0)]
  states.size = 1
  states.path[0] = -1
  return {
    each(visit) {
      for (let i = 0; i < states.size; i++) visit(states.weight[i]!, states.reduced[i]!, states.path[i]!)
    },
    extend(steps, isOpen, pathOf) {
      let dropped = Infinity
      made.size = 0
      for (const [k, step] of [NONE, ...steps].entries()) {
        const room = made.size + states.size
        if (spare.weight.length < room) spare = makeStates(Math.max(room, Math.min(2 * room, 3 * most)))
        merge(made, { states, ...step, step: k - 1, isOpen }, { to: spare, price })
        ;[made, spare] = [spare, made]
        if (made.size > 2 * most) dropped = Math.min(dropped, cut(made, most))
      }
      if (made.size > most) dropped = Math.min(dropped, cut(made, most))
      for (let i = 0; i < made.size; i++) {
        const before = states.path[made.path[i]!]!
        made.path[i] = made.step[i]! < 0 ? before : pathOf(before, made.step[i]!)
      }
      ;[states, made] = [made, states]
      return dropped
    },
  }
}

const NONE: Shift = { weight: 0, reduced: 0 }

/** States after a step of this number. */
interface Shifted extends Shift {
  states: States
  step: number
  isOpen: IsOpen
}

/** The states that are made already, and the shifted ones that are open, without those that another of at most their weight beats. */
function merge(
  made: States,
  { states, weight, reduced, step, isOpen }: Shifted,
  { to, price }: { to: States; price: number },
): void {
  to.size = 0
  let least = Infinity
  const take = (weight: number, reduced: number, path: number, step: number): void => {
    const cost = reduced - price * weight
    if (cost >= least) return
    least = cost
    const at = to.size++
    to.weight[at] = weight
    to.reduced[at] = reduced
    to.path[at] = path
    to.step[at] = step
  }
  let i = 0
  const takeMade = (): void => take(made.weight[i]!, made.reduced[i]!, made.path[i]!, made.step[i++]!)
  for (let j = 0; j < states.size; j++) {
    const [w, r] = [states.weight[j]! + weight, states.reduced[j]! + reduced]
    if (!isOpen(w, r)) continue
    while (i < made.size && (made.weight[i]! < w || (made.weight[i]! === w && made.reduced[i]! <= r))) takeMade()
    take(w, r, j, step)
  }
  while (i < made.size) takeMade()
}

/** Leaves out states of the highest reduced costs. @returns the least of these costs */
function cut(made: States, most: number): number {
  const sorted = made.reduced.slice(0, made.size).sort()
  const bound = sorted[most]!
  let ties = most - sorted.indexOf(bound)
  let size = 0
  for (let i = 0; i < made.size; i++) {
    const reduced = made.reduced[i]!
    if (reduced > bound || (reduced === bound && ties-- <= 0)) continue
    made.weight[size] = made.weight[i]!
    made.reduced[size] = reduced
    made.path[size] = made.path[i]!
    made.step[size++] = made.step[i]!
  }
  made.size = size
  return bound
}
