// The number of entries in a given share of n. The share may have the rounding error of a subtraction such as 1 - p.

/** An upper bound on the rounding error of 1 - p for p in [0, 1]. */
const ERROR = 2e-16

/**
 * trunc(share × n), as Python's int(), but safe against the rounding error of a subtraction. A share with few digits is rounded to
 * these, so that 1 - .9 of 1000 is 100, not 99. Any other is taken at the upper end of its error, so that 1 - 2/3 of 21 is 7, not 6.
 */
export function shareOf(n: number, share: number): number {
  const typed = Number(share.toPrecision(12))
  return Math.trunc(Math.abs(typed - share) < ERROR ? typed * n : (share + ERROR) * n)
}
