// Which expert sees which token: the router's shares, the largest of each token, and the rows of tokens that this makes, expert after
// expert. Only these rows go through an expert, so a token costs as many experts as it is sent to.
import { differentiable, oneHot, softmax, type Tensor, tf } from '../tensor/index.js'

export interface Routing {
  /** Experts of a token. */
  top: number
  /** Whether the shares of a token's experts are scaled to a sum of 1. */
  normalised: boolean
}

/** Pairs of a token and one of its experts, by expert and then by token. */
export interface Routes {
  /** The first expert. */
  from: number
  /** Pairs of each expert. */
  sizes: number[]
  /** The token of each pair. */
  tokens: Int32Array
  /** Whether all tokens are with all experts, so that most pairs weigh 0. */
  dense: boolean
  /** [pairs, 1]: what the expert's output is multiplied by. */
  weights: Tensor
}

const int = (numbers: Int32Array) => tf.tensor1d(numbers, 'int32')

/** Rows of x [rows, width] by number. */
export const takeRows = (x: Tensor, numbers: Int32Array): Tensor => {
  const rows = x.shape[0]!
  return differentiable(
    (from) => tf.gather(from, int(numbers)),
    (_, dy) => addRows(dy, numbers, rows),
  )(x)
}

/** Rows of x [n, width] added up by number: [rows, width]. */
export const addRows = (x: Tensor, numbers: Int32Array, rows: number): Tensor =>
  differentiable(
    (from) => tf.unsortedSegmentSum(from, int(numbers), rows),
    (_, dy) => takeRows(dy, numbers),
  )(x)

/** Whether the values of a tensor can be had at once. A block has no time to wait for them, and WebGPU gives none without. */
export const readsAtOnce = (): boolean => tf.getBackend() !== 'webgpu'

/**
 * Numbers of the `top` largest of each row of [rows, columns], the largest first. Of equal ones the first count: torch.topk leaves
 * open which do, and its choice differs between processors.
 */
export function largestOfRows(values: ArrayLike<number>, columns: number, top: number): Int32Array {
  const rows = values.length / columns
  const chosen = new Int32Array(rows * top)
  for (let row = 0; row < rows; row++) {
    const [start, first] = [row * columns, row * top]
    for (let column = 0; column < columns; column++) {
      const value = values[start + column]!
      let at = Math.min(column, top)
      // Insertion: those that are smaller move one place back, and the last of `top` falls out.
      for (; at > 0 && values[start + chosen[first + at - 1]!]! < value; at--)
        if (at < top) chosen[first + at] = chosen[first + at - 1]!
      if (at < top) chosen[first + at] = column
    }
  }
  return chosen
}

/** The pairs of experts from … to − 1, by the logits [tokens, experts]; null where they have none. */
export function routeTokens(logits: Tensor, { top, normalised }: Routing, from: number, to: number): Routes | null {
  const [tokens, experts] = logits.shape as [number, number]
  // Of float32, as transformers computes them in any precision.
  const shares = softmax(logits)
  if (!readsAtOnce()) return routeAll(shares, { top, normalised }, from, to)
  const chosen = largestOfRows(shares.dataSync(), experts, top)
  const order = Array.from({ length: to - from }, (): number[] => [])
  chosen.forEach((expert, pair) => order[expert - from]?.push(pair))
  const pairs = Int32Array.from(order.flat())
  if (!pairs.length) return null
  const flat = chosen.map((expert, pair) => Math.floor(pair / top) * experts + expert)
  const picked = takeRows(shares.reshape([-1, 1]), flat).reshape([tokens, top])
  const weights = normalised ? picked.div(picked.sum(1, true)) : picked
  return {
    from,
    sizes: order.map(({ length }) => length),
    tokens: pairs.map((pair) => Math.floor(pair / top)),
    dense: false,
    weights: takeRows(weights.reshape([-1, 1]), pairs),
  }
}

/** The same of values that cannot be read: every token goes to every expert, and most weigh 0. */
export function routeAll(shares: Tensor, { top, normalised }: Routing, from: number, to: number): Routes {
  const [tokens, experts] = shares.shape as [number, number]
  const mask = differentiable(
    (x) => oneHot(tf.topk(x, top).indices, experts).sum(1),
    (x) => tf.zerosLike(x),
  )(shares)
  const picked = shares.mul(mask)
  const weights = normalised ? picked.div(picked.sum(1, true)) : picked
  const count = to - from
  return {
    from,
    sizes: new Array<number>(count).fill(tokens),
    tokens: Int32Array.from({ length: count * tokens }, (_, pair) => pair % tokens),
    dense: true,
    weights: weights.slice([0, from], [-1, count]).transpose().reshape([-1, 1]),
  }
}
