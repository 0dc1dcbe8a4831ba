// The least and the greatest of many numbers: as arguments of Math.min a hundred thousand do not fit onto the stack.

/** @param values at least one */
export const extremes = (values: readonly number[]): [least: number, greatest: number] =>
  values.reduce<[number, number]>(
    ([least, greatest], each) => [Math.min(least, each), Math.max(greatest, each)],
    [Infinity, -Infinity],
  )
