// One editor on one tensor, as the laws try it.
import { applySteps, type Editor, needsGram, type Options, parseOptions, scanModel } from '../editors/index.js'
import { countEntries, type Key, tf } from '../tensor/index.js'
import { gramOf, SHAPE, sampleGradient, sampleValues } from './samples.js'

interface EditTrial {
  shape?: readonly number[]
  seed?: number
  input?: Float32Array
  onWarning?: (text: string) => void
}

/** A model of this tensor alone. */
const modelOf = (input: Float32Array) =>
  async function* () {
    yield ['w', input] as const
  }

/** The edited values of one tensor. */
export async function edited(
  editor: Editor,
  raw: Record<string, unknown>,
  trial: EditTrial = {},
): Promise<Float32Array> {
  const { shape = SHAPE, seed = 1, input = sampleValues(countEntries(shape)), onWarning } = trial
  const steps = [{ editor, options: parseOptions(editor, raw) }]
  const scanned = await scanModel(steps, modelOf(input))
  const columns = shape.length === 2 && needsGram(steps[0]!) ? shape[1] : undefined
  return applySteps(steps, input, shape, {
    seed,
    tensor: 'w',
    gradient: sampleGradient(input.length),
    gram: columns ? gramOf(columns) : undefined,
    scanned,
    onWarning,
  })
}

/** What the editor reads of a matrix of SHAPE before it edits it. */
export async function readFor(editor: Editor, options: Options, input: Float32Array, key: Key) {
  const [model] = await scanModel([{ editor, options }], modelOf(input))
  const about = { tensor: 'w', shape: SHAPE, key, model }
  const scans = editor.reads === 'model' || (editor.reads === 'tensor' && editor.needsScan(options))
  const scanned = scans ? editor.scanTensor(input, options, about) : undefined
  if (editor.reads !== 'matrix') return { scanned, factors: undefined }
  const matrix = tf.tensor2d(input, [...SHAPE])
  try {
    return { scanned, factors: await editor.factorise(matrix, options) }
  } finally {
    matrix.dispose()
  }
}
