// Edits one tensor and counts the result: entries kept, norms, and the bits that would store it.

import { countEntries, turnedShape } from '../tensor/index.js'
import { type ApplyContext, applySteps, factorName, matrixName } from './apply.js'
import { sparseBits } from './bits.js'
import { isByRow, isPerMatrix, type Step } from './editor.js'

/** Sums over the entries in float64, in row-major order. Parts of a tensor, summed in order, give the same bits as the whole. */
export interface ChangeSums {
  /** Number of edited entries that are not 0. */
  kept: number
  /** Squared norm of the input x. */
  inputSquares: number
  /** Squared norm of the change F(x) − x, each entry rounded to float32. */
  changeSquares: number
}

export interface EditedTensor extends ChangeSums {
  /** F(x), row-major, in a new array. */
  values: Float32Array
}

/**
 * Edits one tensor: x → F(x).
 * @param input x in float32, row-major: the delta, or the weights themselves
 * @param context as for `applySteps`; `before` holds the sums of the earlier parts where a tensor is edited in parts
 */
export async function editTensor(
  steps: readonly Step[],
  input: Float32Array,
  shape: readonly number[],
  context: ApplyContext & { before?: ChangeSums | undefined },
): Promise<EditedTensor> {
  const values = await applySteps(steps, input, shape, context)
  return { values, ...sumChange(input, values, context.before) }
}

/** The sums of a change from `input` to `values`, added to those `before`. */
export function sumChange(input: Float32Array, values: Float32Array, before?: ChangeSums): ChangeSums {
  let { kept, inputSquares, changeSquares } = before ?? { kept: 0, inputSquares: 0, changeSquares: 0 }
  for (let i = 0; i < values.length; i++) {
    const x = input[i]!
    const edited = values[i]!
    const change = Math.fround(edited - x)
    if (edited !== 0) kept++
    inputSquares += x * x
    changeSquares += change * change
  }
  return { kept, inputSquares, changeSquares }
}

/**
 * An estimate of the bits that store the edited tensor: what the last step says, or the sparse form if that is smaller. A kept value
 * counts 16 bits; no file is written in this form.
 * @param kept number of entries that are not 0
 * @param context the one that `editTensor` had, after it ran: its cache holds the factors that some editors count by
 */
export async function bitsOf(
  steps: readonly Step[],
  shape: readonly number[],
  kept: number,
  context: ApplyContext,
): Promise<number> {
  if (countEntries(shape) === 0) return 0
  const last = steps.length - 1
  if (last < 0) return sparseBits(shape, kept)
  const { editor, options } = steps[last]!
  if (context.batch && isPerMatrix(editor)) {
    const [matrices = 0, ...matrix] = shape
    let bits = 0
    for (let i = 0; i < matrices; i++)
      bits += await bitsOf(steps, matrix, kept / matrices, {
        ...context,
        batch: false,
        tensor: matrixName(context.tensor, i),
      })
    return Math.min(bits, sparseBits(shape, kept))
  }
  const own = context.turned && isByRow(steps[last]!) ? turnedShape(shape) : shape
  const factors = await context.cache?.get(factorName(steps, last, own, context))
  return Math.min(editor.bits(options, { shape: own, kept, factors }), sparseBits(shape, kept))
}
