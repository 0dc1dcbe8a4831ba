// KnOTS-TIES: the deltas are written in one common basis, and their coordinates in it are merged by TIES.
import { z } from 'zod'
import { countEntries, svd, svdBytes, type Tensor, type Tensor2D, tf } from '../tensor/index.js'
import { defineMerger } from './define.js'
import { checkWeights, readValues } from './sum.js'
import { elect, options as tiesOptions } from './ties.js'
import { trimmedModel, trimTensor } from './trim.js'

const options = z.strictObject({
  least: z.number().min(0).default(1e-4).describe('Singular values of the deltas side by side up to this are cut off.'),
})

/** Bytes of single numbers, which are tensors on some backends. */
const NUMBERS = 1 << 10

interface Aligned {
  /** Uᵀ times the singular values, [rank, rows]; absent for a tensor that is no matrix. */
  basis?: Float32Array | undefined
  /** What TIES merges: coordinates of each model [rank, columns], or the deltas themselves. */
  parts: { values: Float32Array; shape: number[] }[]
  cuts: ReturnType<typeof trimTensor>[]
}

/** U S and the blocks of Vᵀ of [D1 D2 …]. */
async function align(models: Tensor[], least: number): Promise<Pick<Aligned, 'basis' | 'parts'>> {
  const [rows = 0, columns = 0] = models[0]!.shape
  if (models[0]!.shape.length !== 2)
    return { parts: await Promise.all(models.map(async (t) => ({ values: await readValues(t), shape: t.shape }))) }
  const beside = tf.concat(models as Tensor2D[], 1)
  const { s, ut, vt } = await svd(beside)
  beside.dispose()
  const rank = s.filter((value) => value > least).length
  const width = columns * models.length
  const blockOf = (m: number) =>
    Float32Array.from(
      { length: rank * columns },
      (_, i) => vt[Math.floor(i / columns) * width + m * columns + (i % columns)]!,
    )
  return {
    basis: Float32Array.from({ length: rank * rows }, (_, i) => ut[i]! * s[Math.floor(i / rows)]!),
    parts: models.map((_, m) => ({ values: blockOf(m), shape: [rank, columns] })),
  }
}

export const knotsTies = defineMerger({
  name: 'knots_ties',
  title: 'Merges the deltas by TIES in the basis of their common singular vectors.',
  cite: 'Stoica et al. 2025 (KnOTS), arXiv 2410.19735',
  options,
  modelOptions: trimmedModel,
  check: (_, models) => checkWeights(models),
  reads: 'whole',
  workBytes: ([rows = 0, ...rest], n) =>
    (rest.length === 1 ? svdBytes([rows, n * rest[0]!]) : 0) + 48 * n * rows * countEntries(rest) + NUMBERS,
  perMatrix: () => true,
  // The deltas lie side by side along their inputs.
  byRow: () => true,
  async scanTensor({ models }, { options: { least }, modelOptions: m, warn }): Promise<Aligned> {
    const { basis, parts } = await align(models, least)
    return {
      basis,
      parts,
      cuts: parts.map(({ values }, i) =>
        trimTensor(values, m[i]!, 'peft', (text) => warn(`trim of model ${i + 1}: ${text}`)),
      ),
    }
  },
  merge(inputs, { modelOptions, scanned: { basis, parts, cuts } }) {
    const [rows, columns] = inputs.models[0]!.shape
    if (basis?.length === 0) return tf.zerosLike(inputs.models[0]!)
    const merged = elect(
      { ...inputs, models: parts.map(({ values, shape }) => tf.tensor(values, shape)) },
      { cuts, majority: 1 },
      { convention: 'peft', options: tiesOptions.parse({}), modelOptions },
    )
    return basis
      ? tf.matMul(tf.tensor2d(basis, [basis.length / rows, rows]), merged as Tensor2D, true).reshape([rows, columns!])
      : merged
  },
})
