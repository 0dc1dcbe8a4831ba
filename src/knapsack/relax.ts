// The linear relaxation of a multiple-choice knapsack: the lower convex hull of each group, and the price of weight at which the
// capacity is used up (Sinha and Zoltners 1979; Pisinger 1995).

export interface Option {
  /** Any finite number. */
  cost: number
  /** At least 0. */
  weight: number
}

/** An option with its number in the group. */
export interface Numbered extends Option {
  i: number
}

/** Without the options that another one of at most their weight beats; weights ascend and costs descend. */
export function undominated(group: readonly Option[]): Numbered[] {
  const sorted = group
    .map(({ cost, weight }, i) => ({ cost, weight, i }))
    .sort((a, b) => a.weight - b.weight || a.cost - b.cost || a.i - b.i)
  let least = Infinity
  return sorted.filter(({ cost }) => cost < least && ((least = cost), true))
}

/** The options on the lower convex hull of some that are undominated. */
function hullOf(options: readonly Numbered[]): Numbered[] {
  const hull: Numbered[] = []
  for (const option of options) {
    while (hull.length > 1 && !isBelow(hull.at(-2)!, hull.at(-1)!, option)) hull.pop()
    hull.push(option)
  }
  return hull
}

/** Whether b lies below the line from a to c. */
const isBelow = (a: Option, b: Option, c: Option): boolean =>
  (a.cost - b.cost) * (c.weight - b.weight) > (b.cost - c.cost) * (b.weight - a.weight)

/** The solution of the relaxation up to the step that the capacity cuts. */
export interface Relaxed {
  /** The option of each group; together they have room. */
  start: Numbered[]
  /** Cost that a unit of weight saves at the step that is cut; 0 where all fit. */
  price: number
}

/** Takes the steps of the hulls, the most saving first, until one does not fit. @param groups undominated options, of which the lightest fit */
export function relax(groups: readonly (readonly Numbered[])[], capacity: number): Relaxed {
  const start = groups.map((group) => group[0]!)
  const steps = groups.flatMap((group, k) => {
    let before = { ...group[0]!, price: Infinity }
    return hullOf(group)
      .slice(1)
      .map((option) => {
        const weight = option.weight - before.weight
        // Rounding must not turn the order of the steps of a group.
        const price = Math.min(before.price, (before.cost - option.cost) / weight)
        before = { ...option, price }
        return { k, option, weight, price }
      })
  })
  let left = capacity - groups.reduce((sum, group) => sum + group[0]!.weight, 0)
  for (const { k, option, weight, price } of steps.sort((a, b) => b.price - a.price)) {
    left -= weight
    if (left < 0) return { start, price }
    start[k] = option
  }
  return { start, price: 0 }
}
