// Uniform quantisation as in the code of Delta-CoMe and GPTQ. Each group of values gets 2^bits evenly spaced points from its least to
// its largest value, with zero among them. All arithmetic is float32 and ties round to even, as in torch.
const f = Math.fround

export interface Grid {
  scale: number
  /** Code of the value 0. */
  zero: number
  /** Largest code, 2^bits - 1. */
  top: number
}

/** The grid of `count` values, starting at index `start`. A group of zeros stays zero. */
export function gridOf(values: ArrayLike<number>, bits: number, start = 0, count = values.length - start): Grid {
  let [least, most] = [0, 0]
  for (let i = start; i < start + count; i++) {
    const value = values[i]!
    if (value < least) least = value
    else if (value > most) most = value
  }
  const top = 2 ** bits - 1
  // A subnormal range would round to a scale of 0, and a division by it gives NaN.
  const scale = f(f(most - least) / top) || 1
  return { scale, zero: roundEven(f(-least / scale)), top }
}

/** The value of x's nearest grid point. */
export function snap(x: number, { scale, zero, top }: Grid): number {
  const code = Math.min(top, Math.max(0, roundEven(f(x / scale)) + zero))
  return f(scale * (code - zero))
}

export function roundEven(x: number): number {
  const rounded = Math.round(x)
  return rounded - x === 0.5 && rounded % 2 ? rounded - 1 : rounded
}
