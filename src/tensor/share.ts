// How many of n entries a share of them is, when the share may come from a subtraction.

/** More than 1 - p is off by for p in [0, 1]. */
const ERROR = 2e-16

/**
 * trunc(share × n), as Python's int(). The error of a subtraction can undo a whole: a share of few digits is taken at these, so
 * that 1 - .9 of 1000 is 100 (not 99); any other at the upper end of its error, so that 1 - 2/3 of 21 is 7 (not 6).
 */
export function shareOf(n: number, share: number): number {
  const typed = Number(share.toPrecision(12))
  return Math.trunc(Math.abs(typed - share) < ERROR ? typed * n : (share + ERROR) * n)
}
