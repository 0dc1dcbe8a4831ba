// Applies steps to plain values: a tensor larger than the backend's heap (an embedding of an 8B model) is edited block by
// block, which the law "block by block equals whole" of element-scope editors allows.
import { type Tensor, tf } from '../tensor/index.js'
import { type ApplyContext, applyStep, byMatrix, keyAt, matrixName } from './apply.js'
import type { Step } from './editor.js'

/** Entries of one block: 64 MB of float32. */
export const BLOCK = 1 << 24

/** The edited values, row-major, in a new array. The whole tensor, or matrix of a batch, goes to the backend at once only where an editor wants it. */
export async function applyToValues(
  steps: readonly Step[],
  values: Float32Array,
  shape: readonly number[],
  context: Omit<ApplyContext, 'gradient'>,
  block = BLOCK,
): Promise<Float32Array> {
  let out: Float32Array = values.slice()
  for (const i of steps.keys()) out = await stepOnValues(steps, i, out, shape, context, block)
  return out
}

/** Step `i` of a chain; the memory of `values` may be used. */
async function stepOnValues(
  steps: readonly Step[],
  i: number,
  values: Float32Array,
  shape: readonly number[],
  context: Omit<ApplyContext, 'gradient'>,
  block: number,
): Promise<Float32Array> {
  const { editor, options } = steps[i]!
  const { tensor, gram, keep, census, onWarning, batch } = context
  if (batch && byMatrix(editor)) {
    const [matrices, ...matrix] = shape
    const partOf = <T extends ArrayLike<number>>(all: T, m: number): Float32Array => {
      const size = all.length / matrices!
      return Float32Array.from({ length: size }, (_, at) => all[m * size + at])
    }
    for (let m = 0; m < matrices!; m++) {
      const own = {
        ...context,
        batch: false,
        tensor: matrixName(tensor, m),
        gram: gram && partOf(gram, m),
        keep: keep && partOf(keep, m),
      }
      values.set(await stepOnValues(steps, i, partOf(values, m), matrix, own, block), (m * values.length) / matrices!)
    }
    return values
  }
  if (values.length <= block || editor.scope === 'matrix') {
    const input = tf.tensor(values, [...shape], 'float32')
    const result = await applyStep(steps, i, input, context).finally(() => input.dispose())
    const edited = (await result.data()) as Float32Array
    result.dispose()
    return edited
  }
  const key = keyAt(steps, i, context)
  const wanted = editor.needsSurvey?.(options) ?? true
  const facts = wanted ? editor.survey?.(values, options, { tensor, shape, key, keep, census: census?.[i] }) : undefined
  for (let offset = 0; offset < values.length; offset += block) {
    const result = tf.tidy(() =>
      editor.edit(tf.tensor1d(values.subarray(offset, offset + block)), { options, key, offset, facts, keep }),
    )
    values.set((await result.data()) as Float32Array, offset)
    result.dispose()
  }
  for (const text of editor.warnings?.(options, shape, facts) ?? []) onWarning?.(`${tensor}: ${editor.name} ${text}`)
  return values
}

/** Whether a block of the tensor can be edited without the rest of it: nothing is surveyed, prepared or counted. */
export const editsBlocks = (steps: readonly Step[]): boolean =>
  steps.every(
    ({ editor, options }) =>
      editor.scope === 'element' &&
      !editor.needsCensus?.(options) &&
      !editor.needsGram?.(options) &&
      !(editor.survey && (editor.needsSurvey?.(options) ?? true)),
  )

/** The edited values of one block, whose first entry is entry `offset` of the tensor; for steps that are `editsBlocks`. */
export async function applyToBlock(
  steps: readonly Step[],
  values: Float32Array,
  offset: number,
  context: Pick<ApplyContext, 'seed' | 'tensor'>,
): Promise<Float32Array> {
  const edited = tf.tidy(() =>
    steps.reduce<Tensor>(
      (block, { editor, options }, i) =>
        editor.edit(block, { options, key: keyAt(steps, i, context), offset, facts: undefined }),
      tf.tensor1d(values),
    ),
  )
  const out = (await edited.data()) as Float32Array
  edited.dispose()
  return out
}
