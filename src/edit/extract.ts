// The delta of a pair as a LoRA adapter: the leading singular triplets of every matrix, in the form that peft loads.
import { roleOf, selectTensors, writeAdapter, type LoraFactors, type Pair, type Selection, type WritableDtype } from '../checkpoint/index.js'
import { factorsOf } from '../codecs/factors.js'
import { UserError } from '../errors/index.js'
import { svd, tf } from '../tensor/index.js'
import { readInput } from './tensor.js'

export interface ExtractOptions extends Selection {
  rank: number
  /** What adapter_config.json names as the base. */
  baseModel: string
  /** Norms and other vectors that changed are stored whole (modules_to_save); otherwise they are left out. */
  vectors?: boolean
  dtype?: WritableDtype
  overwrite?: boolean
  card?: string
  onTensor?: (name: string, bytes: number) => void
}

export interface ExtractSummary {
  tensors: number
  /** Stored parameters, and those of the tensors they stand for. */
  stored: number
  parameters: number
  /** Share of the squared norm of the chosen deltas that the adapter keeps. */
  energy: number
  /** Tensors that changed and are not in the adapter. */
  left: string[]
}

/** transformers keeps the weights of GPT-2's layers [in, out]. */
const isTurned = (pair: Pair, name: string) => pair.post.config?.model_type === 'gpt2' && roleOf(name, pair.post.tensors.get(name)!.shape) !== 'embedding'

/**
 * Factors A = √S·Vᵀ, B = U·√S of each delta, with alpha = rank.
 * @throws UserError where the choice holds no matrix
 */
export async function extractAdapter(pair: Pair, out: string, options: ExtractOptions): Promise<ExtractSummary> {
  const { rank, vectors = false } = options
  const entries = pair.names.map((name) => pair.post.tensors.get(name)!)
  const chosen = new Set(selectTensors(entries, options))
  if (!entries.some(({ name, shape }) => chosen.has(name) && shape.length === 2)) throw new UserError('none of the chosen tensors is a matrix')
  const factors = new Map<string, LoraFactors>()
  const whole = new Map<string, { shape: readonly number[]; values: Float32Array }>()
  const summary = { tensors: 0, stored: 0, parameters: 0, left: [] as string[] }
  let [kept, all] = [0, 0]
  for (const { name, shape, begin, end } of entries) {
    const delta = await readInput(pair, name, 'delta')
    const norm2 = delta.reduce((sum, value) => sum + value * value, 0)
    if (norm2 > 0 && chosen.has(name) && shape.length === 2 && name.endsWith('.weight')) {
      const matrix = tf.tensor2d(delta, shape as [number, number])
      const triplets = await svd(matrix, { rank: Math.min(rank, ...shape) })
      matrix.dispose()
      const { a, b } = factorsOf(triplets, rank)
      const count = a.length / shape[1]
      factors.set(name, isTurned(pair, name) ? { rank: count, a: turn(b, shape[0]), b: turn(a, count) } : { rank: count, a, b })
      kept += triplets.s.slice(0, count).reduce((sum, value) => sum + value * value, 0)
      all += norm2
      summary.tensors++
      summary.stored += a.length + b.length
      summary.parameters += delta.length
    } else if (norm2 > 0 && chosen.has(name) && vectors && name.endsWith('.weight')) {
      whole.set(name, { shape, values: await pair.post.read(name) })
      summary.stored += delta.length
    } else if (norm2 > 0) summary.left.push(name)
    options.onTensor?.(name, end - begin)
  }
  if (factors.size === 0) throw new UserError(`${pair.post.folder}: no chosen matrix differs from the base, so there is no adapter to write`)
  const { baseModel, dtype, overwrite, card } = options
  await writeAdapter(out, { factors, whole, baseModel, dtype, overwrite, card, fanInFanOut: pair.post.config?.model_type === 'gpt2' })
  return { ...summary, energy: kept / all }
}

/** The transpose of `rows` rows. */
function turn(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)])
}
