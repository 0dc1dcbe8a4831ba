// What stops a pass: a value that is not finite, or too large for its format.

/** What a pass stopped at. */
export class PassError extends Error {
  /**
   * @param of the number of the model, or `base`, whose stored values are not finite; `result` where the result is not, or is too large
   * for its format
   * @param index of the first such entry of the strip, in the whole tensor
   */
  constructor(
    readonly of: number | 'base' | 'result',
    readonly index: number,
    readonly value: number,
  ) {
    super(`${of === 'result' ? of : `input ${of}`}: ${value} at index ${index}`)
  }
}
