// Applies steps to plain values: a tensor larger than the backend's heap (an embedding of an 8B model) is edited block by
// block, which the law "block by block equals whole" of element-scope editors allows.
import { tf, type Tensor } from '../tensor/index.js'
import { applySteps, keyAt, type ApplyContext } from './apply.js'
import type { Step } from './editor.js'

/** Entries of one block: 64 MB of float32. */
export const BLOCK = 1 << 24

/** The edited values, row-major, in a new array. The whole tensor goes to the backend at once only where a matrix editor wants it. */
export async function applyToValues(
  steps: readonly Step[],
  values: Float32Array,
  shape: readonly number[],
  context: Omit<ApplyContext, 'gradient'>,
  block = BLOCK,
): Promise<Float32Array> {
  if (values.length <= block || steps.some(({ editor }) => editor.scope === 'matrix')) {
    const tensor = tf.tensor(values, [...shape], 'float32')
    const result = await applySteps(steps, tensor, context).finally(() => tensor.dispose())
    const edited = (await result.data()) as Float32Array
    result.dispose()
    return edited
  }
  const { tensor, keep, census, onWarning } = context
  const out = values.slice()
  for (const [i, { editor, options }] of steps.entries()) {
    const key = keyAt(steps, i, context)
    const wanted = editor.needsSurvey?.(options) ?? true
    const facts = wanted ? editor.survey?.(out, options, { tensor, shape, key, keep, census: census?.[i] }) : undefined
    for (let offset = 0; offset < out.length; offset += block) {
      const result = tf.tidy(() => editor.edit(tf.tensor1d(out.subarray(offset, offset + block)), { options, key, offset, facts, keep }))
      out.set((await result.data()) as Float32Array, offset)
      result.dispose()
    }
    for (const text of editor.warnings?.(options, shape, facts) ?? []) onWarning?.(`${tensor}: ${editor.name} ${text}`)
  }
  return out
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
      (block, { editor, options }, i) => editor.edit(block, { options, key: keyAt(steps, i, context), offset, facts: undefined }),
      tf.tensor1d(values),
    ),
  )
  const out = (await edited.data()) as Float32Array
  edited.dispose()
  return out
}
