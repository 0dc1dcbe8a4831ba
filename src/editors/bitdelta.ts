// BitDelta: one sign bit per entry and the mean magnitude of the tensor; with magnitude blocks, log2(blocks) bits more.
import { z } from 'zod'
import { type EntriesProgram, sumMagnitudes } from '../kernels/index.js'
import { countEntries, keyedNormal, keyedUniform, tf } from '../tensor/index.js'
import { defineEditor } from './define.js'

const options = z
  .strictObject({
    multiplier: z.number().default(1).describe('Factor m of the mean magnitude; 1 is BitDelta.'),
    blocks: z
      .int()
      .min(1)
      .max(65536)
      .default(1)
      .describe('Blocks of equal count that the sorted magnitudes are cut into; each takes its own mean.'),
    magnitudes: z
      .enum(['mean', 'normal', 'uniform'])
      .default('mean')
      .describe(
        'The mean itself, or draws with that mean: normal (standard deviation = mean), uniform on [0, 2 mean].',
      ),
    passes: z
      .int()
      .min(1)
      .max(16)
      .default(1)
      .describe('BitDelta applied again to what is left, this many times in all: a sign bit and a mean each.'),
  })
  .refine((o) => o.passes === 1 || (o.blocks === 1 && o.magnitudes === 'mean'), {
    message: 'above 1 goes with blocks: 1 and magnitudes: mean only',
    path: ['passes'],
  })

type Options = z.infer<typeof options>

interface Blocks {
  /** Lowest magnitude of every block but the first, ascending. Entries of equal magnitude share a block: ties fall into the upper one. */
  bounds: Float32Array
  /** Mean magnitude of every block (0 for a block that ties emptied). */
  means: Float32Array
  /** Mean magnitude of what is left before each pass after the first. */
  later: Float32Array
}

function cut(values: Float32Array, { blocks, passes }: Options): Blocks {
  const sorted = values.map(Math.abs)
  if (blocks > 1) sorted.sort()
  const bounds = Float32Array.from(
    { length: blocks - 1 },
    (_, b) => sorted[Math.floor(((b + 1) * values.length) / blocks)]!,
  )
  const sums = new Float64Array(blocks)
  const sizes = new Float64Array(blocks)
  let block = 0
  for (const value of sorted) {
    while (value >= bounds[block]!) block++
    sums[block]! += value
    sizes[block]!++
  }
  const means = Float32Array.from(sums, (sum, b) => (sizes[b] ? sum / sizes[b] : 0))
  return { bounds, means, later: passes > 1 ? residualMeans(values, means[0]!, passes - 1) : new Float32Array(0) }
}

/** Mean magnitudes of the later passes: each pass subtracts mean × sign from what is left, in float32 as the edit does. */
function residualMeans(values: Float32Array, first: number, passes: number): Float32Array {
  const left = values.slice()
  const means = new Float32Array(passes)
  for (let pass = 0, mean = first; pass < passes; pass++, mean = means[pass - 1]!) {
    let sum = 0
    for (let i = 0; i < left.length; i++) sum += Math.abs((left[i]! -= left[i]! >= 0 ? mean : -mean))
    means[pass] = sum / left.length
  }
  return means
}

/** One bit for the sign in each pass, and the bits of the block number. */
const entryBits = ({ blocks, passes }: Options) => passes + Math.ceil(Math.log2(blocks))

/** One mean for all entries, float32 as in the scan. */
function* keepSigns({ multiplier }: Options, size: number): EntriesProgram<readonly string[]> {
  const mean = Math.fround((yield* sumMagnitudes()) / size)
  yield { stage: 'signs', magnitude: Math.fround(mean * multiplier) }
  return []
}

/**
 * The papers do not give the deviation of `normal` or the width of `uniform`. With the ones used here, a sixth of the normal draws
 * is negative and flips a sign.
 */
export const bitdelta = defineEditor({
  name: 'bitdelta',
  title: 'Keeps the sign of every entry and the mean magnitude of the matrix or of magnitude blocks.',
  cite: 'Liu et al. 2024, arXiv 2402.10193; extensions: Tang et al. 2024, arXiv 2410.13841, eq. 7, Figs. 4 and 5',
  options,
  axis: 'multiplier',
  stochastic: (o) => o.magnitudes !== 'mean' && o.multiplier !== 0,
  reads: 'tensor',
  perMatrix: true,
  scanTensor: cut,
  edit(delta, { options: { multiplier, magnitudes }, scanned: { bounds, means, later }, key, offset }) {
    // sign(0) = +1 as in the authors' code; the paper writes -1.
    const signs = delta.greaterEqual(0).cast('float32').mul(2).sub(1)
    if (later.length) {
      let [left, sum] = [delta.sub(signs.mul(means[0]!)), signs.mul(means[0]!)]
      for (const mean of later) {
        const part = left.greaterEqual(0).cast('float32').mul(2).sub(1).mul(mean)
        left = left.sub(part)
        sum = sum.add(part)
      }
      return sum.mul(multiplier)
    }
    const scaled = means.map((mean) => mean * multiplier)
    const sized =
      means.length === 1
        ? signs.mul(scaled[0]!)
        : signs.mul(
            tf
              .gather(tf.tensor1d(scaled), tf.searchSorted(bounds, delta.abs().flatten(), 'right'))
              .reshape(delta.shape),
          )
    if (magnitudes === 'normal') return sized.mul(keyedNormal(delta.shape, key, offset).add(1))
    if (magnitudes === 'uniform') return sized.mul(keyedUniform(delta.shape, key, offset).mul(2))
    return sized
  },
  program: (options, { size }) =>
    options.blocks === 1 && options.passes === 1 && options.magnitudes === 'mean' ? keepSigns(options, size) : null,
  entryBits,
  /** n (passes + ceil(log2 blocks)) for signs and block numbers, 16 per mean, 64 for the key of drawn magnitudes. */
  bits: (o, { shape }) =>
    countEntries(shape) * entryBits(o) + 16 * (o.blocks + o.passes - 1) + (o.magnitudes === 'mean' ? 0 : 64),
})
