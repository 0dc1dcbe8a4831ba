// TSV-Merge: the leading singular vectors of every delta, made orthogonal to those of the others, and added up.
import { z } from 'zod'
import { countEntries, svd, svdBytes, type Tensor2D, tf } from '../tensor/index.js'
import { defineMerger } from './define.js'
import { mean } from './sum.js'

const options = z.strictObject({ alpha: z.number().default(1).describe('Factor of the merged delta.') })

/** Orthogonal singular vectors of all models, as rows, with their values. */
interface Triplets {
  ut: Float32Array
  s: Float32Array
  vt: Float32Array
}

/** Rows nearest to the given ones that are orthonormal (the polar factor): U Vᵀ of their decomposition, of what is not 0 in it. */
async function orthogonal(rows: Float32Array[], length: number): Promise<Float32Array> {
  const values = new Float32Array(rows.length * length)
  rows.forEach((row, i) => values.set(row, i * length))
  const matrix = tf.tensor2d(values, [rows.length, length])
  const { s, ut, vt } = await svd(matrix)
  const product = tf.tidy(() =>
    tf.matMul(tf.tensor2d(ut, [s.length, rows.length]), tf.tensor2d(vt, [s.length, length]), true),
  )
  const out = (await product.data()) as Float32Array
  tf.dispose([matrix, product])
  return out
}

/** Vectors are averaged; a matrix with fewer rows or columns than there are models contributes nothing. */
export const tsvMerge = defineMerger({
  name: 'tsv_merge',
  title: 'Adds the leading singular triplets of each delta after making them orthogonal.',
  cite: 'Gargiulo et al. 2025, arXiv 2412.00081',
  options,
  reads: 'whole',
  workBytes: (shape) => (shape.length === 2 ? svdBytes(shape) : 0) + 32 * countEntries(shape),
  perMatrix: () => true,
  async scanTensor({ models }, { warn }): Promise<Triplets | null> {
    const { shape } = models[0]!
    if (shape.length !== 2) return null
    const k = Math.trunc(Math.min(...shape) / models.length)
    if (k === 0) {
      warn(
        `a matrix of ${shape.join(' × ')} has no singular vector for each of ${models.length} models; the base is kept`,
      )
      return { ut: new Float32Array(), s: new Float32Array(), vt: new Float32Array() }
    }
    const [left, values, right]: [Float32Array[], number[], Float32Array[]] = [[], [], []]
    for (const delta of models) {
      const { s, ut, vt } = await svd(delta as Tensor2D, { rank: k })
      // A delta of lower rank has no vectors beyond it; any would turn those of the others.
      for (let i = 0; i < s.length && s[i]! > 0; i++) {
        left.push(ut.subarray(i * shape[0], (i + 1) * shape[0]))
        right.push(vt.subarray(i * shape[1], (i + 1) * shape[1]))
        values.push(s[i]!)
      }
    }
    if (!values.length) return { ut: new Float32Array(), s: new Float32Array(), vt: new Float32Array() }
    return { ut: await orthogonal(left, shape[0]), s: Float32Array.from(values), vt: await orthogonal(right, shape[1]) }
  },
  merge({ models }, { options: { alpha }, scanned }) {
    if (!scanned) return mean(models).mul(alpha)
    const n = scanned.s.length
    if (n === 0) return tf.zerosLike(models[0]!)
    const [rows, columns] = models[0]!.shape
    return tf
      .matMul(
        tf.tensor2d(scanned.ut, [n, rows]).mul(tf.tensor2d(scanned.s, [n, 1])),
        tf.tensor2d(scanned.vt, [n, columns!]),
        true,
      )
      .mul(alpha)
  },
})
