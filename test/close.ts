// Numbers that are nearly equal: an assertion that shows both values, where they stand, and the tolerance.
import assert from 'node:assert/strict'

export interface Tolerance {
  /** Largest difference, in the unit of the values. */
  tolerance?: number
  /** Largest difference as a share of the expected value; where both are given they add up. */
  relative?: number
}

/**
 * Asserts that numbers, or lists of numbers entry by entry, differ by the tolerance at most; NaN is near nothing.
 * @param expected one number stands for a list of it
 * @param what names the value in the message
 */
export function assertClose(
  actual: number | ArrayLike<number>,
  expected: number | ArrayLike<number>,
  { tolerance = 0, relative = 0 }: Tolerance,
  what = '',
): void {
  const list = typeof actual === 'number' ? [actual] : actual
  const wanted = typeof expected === 'number' ? null : expected
  if (wanted) assert.equal(list.length, wanted.length, `${what ? `${what}: ` : ''}the number of values`)
  for (let i = 0; i < list.length; i++) {
    const [value, other] = [list[i] as number, wanted ? (wanted[i] as number) : (expected as number)]
    const difference = Math.abs(value - other)
    const most = tolerance + relative * Math.abs(other)
    if (difference <= most) continue
    const place = [what, typeof actual === 'number' ? '' : `entry ${i} of ${list.length}`].filter(Boolean).join(', ')
    assert.fail(
      `${place ? `${place}: ` : ''}${value} is not ${other}: they differ by ${difference}, allowed is ${most}`,
    )
  }
}
