// Rows of logits of two models side by side: the divergence between their distributions, in float64 (kernels/assembly/divergence.ts).
import { instantiate } from '../kernels/index.js'

interface Kernels {
  finite(values: number, size: number): number
  diverge(a: number, b: number, size: number, from: number, state: number): void
}

/** What is known of a row whose logits come in parts: the numbers that the kernel keeps, and the logits of the right outcome. */
const STATE = 9
const WIDTH = STATE + 2
const LOWEST = -3.4028234663852886e38

/** Of one position. Losses are −ln of the probability of the right outcome, in nats. */
interface RowDivergence {
  /** KL(a ‖ b) in nats. */
  kl: number
  lossA: number
  lossB: number
  /** The likeliest outcome, the first of equals. */
  topA: number
  topB: number
}

/** A part of a row: logits of the outcomes from `from` on, under both models. */
interface RowPart {
  a: Float32Array
  b: Float32Array
  from: number
  /** Index of the right outcome, in this part or not. */
  right: number
}

export interface LogitReader {
  /** Adds a part to a row; false where a logit is not finite. The first part of a row is at 0. */
  add(row: number, part: RowPart): boolean
  /** Once all parts of a row are in. */
  finish(row: number): RowDivergence
}

const PAGE = 1 << 16

/** @param longest outcomes of a part, at most */
function openKernel(longest: number) {
  const slot = 16 * Math.ceil(longest / 4)
  const [a, b, state] = [PAGE, PAGE + slot, PAGE + 2 * slot]
  const memory = new WebAssembly.Memory({ initial: Math.ceil((state + 8 * STATE) / PAGE) })
  const kernels = instantiate<Kernels>('divergence', memory)
  const load = (at: number, values: Float32Array): boolean => {
    const size = 4 * Math.ceil(values.length / 4)
    const target = new Float32Array(memory.buffer, at, size)
    target.set(values)
    target.fill(LOWEST, values.length)
    return Boolean(kernels.finite(at, size))
  }
  return {
    state: new Float64Array(memory.buffer, state, STATE),
    load: (part: RowPart) => load(a, part.a) && load(b, part.b),
    add: ({ a: { length }, from }: RowPart) => kernels.diverge(a, b, 4 * Math.ceil(length / 4), from, state),
  }
}

/**
 * Reads rows whose logits come whole or in parts.
 * @param rows how many are on their way at a time
 * @param longest outcomes of a part, at most
 */
export function readLogits(rows: number, longest: number): LogitReader {
  const kernel = openKernel(longest)
  const kept = new Float64Array(rows * WIDTH)
  return {
    add(row, part) {
      if (!kernel.load(part)) return false
      const mine = kept.subarray(row * WIDTH, (row + 1) * WIDTH)
      kernel.state.set(mine.subarray(0, STATE))
      kernel.add(part)
      mine.set(kernel.state)
      const at = part.right - part.from
      if (at >= 0 && at < part.a.length) mine.set([part.a[at]!, part.b[at]!], STATE)
      return true
    },
    finish: (row) => finishRow(kept.subarray(row * WIDTH, (row + 1) * WIDTH)),
  }
}

/** Above this, what the logarithms of two sums differ by is exact enough; below it their difference has lost too much,
 * unless Σ p e^d is beyond float64 and all that there is. */
const PLAIN = 0.01

function finishRow(state: Float64Array): RowDivergence {
  const [topA, atA, topB, atB, centre, sumA, sumOfD, sumOfExcess, sumB, rightA, rightB] = state as unknown as number[]
  const [logA, logB] = [topA! + Math.log(sumA!), topB! + Math.log(sumB!)]
  // With p over a and d = b − a − centre: KL = ln Σ p e^d − Σ p d.
  const [mean, excess] = [sumOfD! / sumA!, sumOfExcess! / sumA!]
  const plain = logB - logA - centre! - mean
  const kl = plain > PLAIN || !Number.isFinite(excess) ? plain : Math.log1p(excess + mean) - mean
  return { kl: Math.max(0, kl), lossA: logA - rightA!, lossB: logB - rightB!, topA: atA!, topB: atB! }
}
