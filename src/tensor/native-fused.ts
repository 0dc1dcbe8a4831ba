// Kernels of the fused functions on TensorFlow's library, as short lists of its operations.
import { type FusedSettings, registerFused } from './fused.js'
import type { Compute, Handle, Operations } from './native-run.js'

/** All axes but the last. */
const before = ({ shape }: Handle) => Array.from({ length: shape.length - 1 }, (_, i) => i)
const LAST = [-1]

/** g − n·mean(g·n) over the last axis, times r: what norms have in common. */
function pullNormed(run: Operations, g: Handle, n: Handle, r: Handle): Handle {
  const product = run.op('Mul', g, n)
  const mean = run.reduce('Mean', product, LAST)
  run.free(product)
  const along = run.op('Mul', n, mean)
  const rest = run.op('Sub', g, along)
  run.free(along)
  return run.op('Mul', rest, r)
}

/** 1 / √(mean x² + ε) as √m / m, which is NaN and not 0 where the squares are beyond float32. */
function scaleOf(run: Operations, x: Handle, epsilon: number): Handle {
  const squares = run.op('Square', x)
  const mean = run.reduce('Mean', squares, LAST)
  run.free(squares)
  const m = run.op('AddV2', mean, run.constant(epsilon))
  return run.op('RealDiv', run.op('Sqrt', m), m)
}

function registerNorms(backend: string, compute: Compute) {
  registerFused('rmsNorm', backend, {
    value(inputs, { epsilon }, keep) {
      const [y, n, r] = compute(inputs, (run, [x, w]) => {
        const r = scaleOf(run, x!, epsilon)
        const n = run.op('Mul', x!, r)
        return [run.op('Mul', n, w!), n, r]
      })
      keep(n!, r!)
      return y!
    },
    gradient: ([, weight], dy, _, [n, r]) =>
      compute([weight!, dy, n!, r!], (run, [w, dy, n, r]) => {
        const dx = pullNormed(run, run.op('Mul', dy!, w!), n!, r!)
        return [dx, run.reduce('Sum', run.op('Mul', dy!, n!), before(dy!), false)]
      }),
  })
  registerFused('standardize', backend, {
    value(inputs, { epsilon }, keep) {
      const [n, r] = compute(inputs, (run, [x]) => {
        const centred = run.op('Sub', x!, run.reduce('Mean', x!, LAST))
        const r = scaleOf(run, centred, epsilon)
        return [run.op('Mul', centred, r), r]
      })
      keep(n!, r!)
      return n!
    },
    gradient: (_, dy, __, [n, r]) =>
      compute([dy, n!, r!], (run, [dy, n, r]) => [
        pullNormed(run, run.op('Sub', dy!, run.reduce('Mean', dy!, LAST)), n!, r!),
      ]),
  })
}

function registerSilu(backend: string, compute: Compute) {
  registerFused('siluTimes', backend, {
    value(inputs, _, keep) {
      const [y, s, a] = compute(inputs, (run, [gate, up]) => {
        const s = run.op('Sigmoid', gate!)
        const a = run.op('Mul', gate!, s)
        return [run.op('Mul', a, up!), s, a]
      })
      keep(s!, a!)
      return y!
    },
    // The derivative of a = g·s(g) is s + a − a·s.
    gradient: ([, up], dy, _, [s, a]) =>
      compute([up!, dy, s!, a!], (run, [up, dy, s, a]) => {
        const slope = run.op('AddV2', s!, run.op('Sub', a!, run.op('Mul', a!, s!)))
        return [run.op('Mul', run.op('Mul', dy!, up!), slope), run.op('Mul', dy!, a!)]
      }),
  })
}

/** Heads up to this width are exchanged faster by a product than by a turn. */
const NARROW = 64

/** Rotation by whole heads: the pairs of a head are half of it apart, so that half a turn of it exchanges them. */
function registerRotation(backend: string, compute: Compute) {
  const exchanged = (run: Operations, x: Handle, half: Handle) => {
    const headDim = half.shape[0]!
    const heads = run.reshape(x, [-1, headDim])
    return run.reshape(headDim > NARROW ? run.roll(heads, headDim / 2) : run.product(heads, half), x.shape)
  }
  registerFused('rotate', backend, {
    takes: ({ half, turned }) => half.shape[0] === turned,
    value: ([x], { cos, sin, half }) =>
      compute([x!, cos, sin, half], (run, [x, cos, sin, half]) => [
        run.op('AddV2', run.op('Mul', x!, cos!), run.op('Mul', exchanged(run, x!, half!), sin!)),
      ])[0]!,
    gradient: (_, dy, { cos, sin, half }) =>
      compute([dy, cos, sin, half], (run, [dy, cos, sin, half]) => [
        run.op('AddV2', run.op('Mul', dy!, cos!), exchanged(run, run.op('Mul', dy!, sin!), half!)),
      ]),
  })
}

type Attention = FusedSettings['attend']

/** How the heads of queries, or of keys and values, lie: [tokens, heads * headDim], and [rows, heads, tokens of a row, headDim]. */
const headsOf = (run: Operations, x: Handle, rows: number, heads: number): Handle => {
  const [tokens, width] = x.shape as [number, number]
  const apart = run.reshape(x, [rows, tokens / rows, heads, width / heads])
  const turned = run.transpose(apart, [0, 2, 1, 3])
  run.free(apart)
  return turned
}

const tokensOf = (run: Operations, x: Handle): Handle => {
  const [rows, heads, columns, headDim] = x.shape as [number, number, number, number]
  const turned = run.transpose(x, [0, 2, 1, 3])
  const flat = run.reshape(turned, [rows * columns, heads * headDim])
  run.free(turned)
  return flat
}

/** Queries that share a key head, one after the other, as rows of it: [rows, kvHeads, group * columns, …]. */
const fold = (run: Operations, x: Handle, { rows, heads, kvHeads }: Attention): Handle =>
  heads === kvHeads ? x : run.reshape(x, [rows, kvHeads, (heads / kvHeads) * x.shape[2]!, x.shape[3]!])
const unfold = (run: Operations, x: Handle, { rows, heads, kvHeads }: Attention): Handle =>
  heads === kvHeads ? x : run.reshape(x, [rows, heads, x.shape[2]! / (heads / kvHeads), x.shape[3]!])

function registerAttention(backend: string, compute: Compute) {
  registerFused('attend', backend, {
    value(inputs, how, keep) {
      const { rows, heads, kvHeads, scale, mask } = how
      const [mixed, ...kept] = compute(mask ? [...inputs, mask] : inputs, (run, [q, k, v, mask]) => {
        const queries = fold(run, headsOf(run, run.op('Mul', q!, run.constant(scale)), rows, heads), how)
        const [keys, values] = [k!, v!].map((x) => headsOf(run, x, rows, kvHeads)) as [Handle, Handle]
        const products = run.product(queries, keys, { b: true })
        const scores = unfold(run, products, how)
        const seen = mask ? run.op('AddV2', scores, mask) : scores
        if (mask) run.free(products)
        const weights = fold(run, run.softmax(seen), how)
        run.free(seen)
        const mixed = run.product(weights, values)
        return [tokensOf(run, unfold(run, mixed, how)), queries, keys, values, weights]
      })
      keep(...kept)
      return mixed!
    },
    gradient: (_, dy, how, kept) =>
      compute([dy, ...kept], (run, [dy, queries, keys, values, weights]) => {
        const pulled = fold(run, headsOf(run, dy!, how.rows, how.heads), how)
        const dValues = run.product(weights!, pulled, { a: true })
        const dWeights = run.product(pulled, values!, { b: true })
        // Not Σ dy·mixed, which has less entries and other rounding: where one key has all the weight, the difference must be 0.
        const shares = run.op('Mul', dWeights, weights!)
        const along = run.reduce('Sum', shares, LAST)
        run.free(shares)
        const apart = run.op('Sub', dWeights, along)
        run.free(dWeights)
        const dScores = run.op('Mul', weights!, apart)
        run.free(apart)
        const dQueries = tokensOf(run, unfold(run, run.product(dScores, keys!), how))
        const dKeys = run.product(dScores, queries!, { a: true })
        return [run.op('Mul', dQueries, run.constant(how.scale)), tokensOf(run, dKeys), tokensOf(run, dValues)]
      }),
  })
}

function registerCrossEntropies(backend: string, compute: Compute) {
  registerFused('crossEntropies', backend, {
    value([logits], { labels }, keep) {
      const [losses, pull] = compute([logits!, labels], (run, [x, right]) => run.entropies(x!, right!))
      keep(pull!)
      return losses!
    },
    gradient: (_, dy, __, [pull]) =>
      compute([dy, pull!], (run, [dy, pull]) => [run.op('Mul', pull!, run.reshape(dy!, [-1, 1]))]),
  })
}

export function registerNativeFused(backend: string, compute: Compute): void {
  registerNorms(backend, compute)
  registerSilu(backend, compute)
  registerRotation(backend, compute)
  registerAttention(backend, compute)
  registerCrossEntropies(backend, compute)
}
