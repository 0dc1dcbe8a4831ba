// Applies steps to plain values: a tensor larger than the backend's heap (an embedding of an 8B model) is edited block by
// block, which the law "block by block equals whole" of element-scope editors allows.
import { tf } from '../tensor/index.js'
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
