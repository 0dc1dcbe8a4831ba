// The ways in which a tensor may be stored: the bytes of each, and how the delta that comes back differs from the true one.
import { decode, encode, type WritableDtype } from '../checkpoint/index.js'
import { type CodedTensor, codedBytes, lossyCodecs, placesOf, unfitFor } from '../codecs/index.js'
import { type CodecChoice, optionsFor, type ParsedChoice, parseChoice } from '../compress/index.js'
import { applySteps } from '../editors/index.js'
import { BadValue } from '../kernels/index.js'
import { countEntries, roundBf16 } from '../tensor/index.js'
import { isCoarse, storedDelta, tripletsOf } from './coarse.js'

/** A codec with its options, for one tensor. */
export interface Candidate {
  choice: CodecChoice
  /** Bytes of its data in the file. */
  bytes: number
  /** Squared norm of the change. */
  error: number
  /** What is written less post, float32: one entry for each of the tensor. Zeros where it is stored losslessly. */
  change(): Promise<Float32Array>
}

/** A tensor of a pair. */
export interface PricedTensor extends CodedTensor {
  name: string
  base: Float32Array
  post: Float32Array
}

const LOSSLESS: CodecChoice = { codec: 'lossless' }

/** Bits of an even grid, with the entries that share one; and factors of the magnitude of signs, which makes up for what they shrink. */
const GRIDS = [2, 3, 4, 6, 8].map(
  (bits): CodecChoice => ({ codec: 'bits', options: { bits, group: 64, values: 'bf16', restore: false } }),
)
const SIGNS = [1, 1.25, 1.5].map(
  (multiplier): CodecChoice => ({ codec: 'sign', options: { multiplier, restore: false } }),
)
const SPARSE = [
  ...[0.5, 0.75].map((drop_rate): CodecChoice => ({ codec: 'bitmask', options: { values: 'bf16', drop_rate } })),
  // All dropped: the tensor of the base.
  ...[0.9, 0.95, 0.98, 0.99, 1].map(
    (drop_rate): CodecChoice => ({ codec: 'index', options: { values: 'bf16', drop_rate } }),
  ),
]
export const DENSE: CodecChoice = { codec: 'dense', options: { values: 'bf16' } }

/** Powers of two below the full rank. */
function ranksOf({ shape, matrices }: CodedTensor): CodecChoice[] {
  const own = matrices > 1 ? shape.slice(1) : shape
  if (own.length !== 2) return []
  const full = Math.min(...own)
  const ranks = Array.from({ length: Math.ceil(Math.log2(full)) }, (_, k) => 2 ** k)
  return ranks.map((rank): CodecChoice => ({ codec: 'low_rank', options: { rank, values: 'bf16', restore: false } }))
}

/** Leading singular vectors in more bits than the next ones. */
const BANDS = ['8x1+3x1', '8x1+3x4', '8x2+3x6', '8x2+3x13', '8x4+3x28', '8x4+3x12+2x48'].map(
  (bands): CodecChoice => ({ codec: 'bands', options: { bands, group: 128, values: 'bf16', restore: false } }),
)

/** All singular vectors that one of these choices may take. */
function allVectors({ shape }: CodedTensor): ParsedChoice {
  const full = Math.min(...shape.slice(-2))
  const most = Math.min(full, Math.max(64, 2 ** (Math.ceil(Math.log2(full)) - 1)))
  return parsedChoice({ codec: 'bands', options: { bands: `16x${most}`, values: 'bf16', restore: false } })
}

/** The same words give the same object: tensors of one choice are stored together. */
const known = new Map<string, ParsedChoice>()
export function parsedChoice(choice: CodecChoice): ParsedChoice {
  const key = JSON.stringify(choice)
  const parsed = known.get(key) ?? parseChoice(choice)
  known.set(key, parsed)
  return parsed
}

/** The choices of a model, looked at. */
export const parseChoices = (choices: ReadonlyMap<string, CodecChoice>): Map<string, ParsedChoice> =>
  new Map([...choices].map(([name, choice]) => [name, parsedChoice(choice)]))

/** Bytes of the data; those of the sparse codecs depend on the entries that are kept. */
function bytesOf(choice: ParsedChoice, tensor: PricedTensor, edited: Float32Array): number {
  const codec = choice.codec!
  const fixed = codedBytes(codec, optionsFor(choice, tensor), tensor)
  if (fixed !== null) return fixed
  let bytes = 0
  for (const { from, size } of placesOf(codec, tensor)) {
    let kept = 0
    for (let i = from; i < from + size; i++) if (edited[i] !== 0) kept++
    bytes += 2 * kept
    if (codec.name === 'index') bytes += 4 + Math.ceil((kept * Math.max(1, Math.ceil(Math.log2(size)))) / 8)
    else bytes += Math.ceil(size / 8)
  }
  return bytes
}

/**
 * The candidates of a tensor: no loss, and every codec in steps of about half of the bytes.
 * @param lossless bytes of the tensor without loss
 * @param keep whether the changes stay in memory, or are made again where they are asked for
 */
export async function candidatesOf(tensor: PricedTensor, lossless: number, keep: boolean): Promise<Candidate[]> {
  const { base, post } = tensor
  const delta = post.map((value, i) => value - base[i]!)
  // What candidates have in common, such as singular vectors.
  let cache: Map<string, Promise<unknown>> | undefined = new Map()
  let made: ReturnType<typeof tripletsOf> | undefined
  const triplets = () => (made ??= tripletsOf(delta, tensor, allVectors(tensor)))
  const change = async (parsed: ParsedChoice): Promise<{ edited: Float32Array; change: Float32Array }> => {
    const context = { seed: 0, tensor: tensor.name, batch: tensor.matrices > 1, ...(cache && { cache }) }
    const edited = isCoarse(parsed)
      ? storedDelta(delta, tensor, parsed, parsed.codec!.ofMatrices ? await triplets() : [])
      : await applySteps(parsed.steps, delta, tensor.shape, context).then((exact) =>
          parsed.options.values === 'bf16' ? roundBf16(exact) : exact,
        )
    const written = rounded(
      tensor.dtype,
      edited.map((value, i) => base[i]! + value),
    )
    return { edited, change: written.map((value, i) => value - post[i]!) }
  }
  const exact: Candidate = {
    ...{ choice: LOSSLESS, bytes: lossless, error: 0 },
    change: async () => new Float32Array(countEntries(tensor.shape)),
  }
  const found = [exact]
  for (const choice of [...SPARSE, ...SIGNS, ...GRIDS, ...ranksOf(tensor), ...BANDS, DENSE]) {
    if (!lossyCodecs.some(({ name }) => name === choice.codec)) continue
    const parsed = parsedChoice(choice)
    if (unfitFor(parsed.codec!, optionsFor(parsed, tensor), tensor) !== null) continue
    const made = await change(parsed).catch((error: unknown) => {
      if (error instanceof BadValue) return null // Numbers become too large for their format.
      throw error
    })
    if (!made) continue
    const { edited, change: changed } = made
    const bytes = bytesOf(parsed, tensor, edited)
    if (bytes >= lossless) continue
    let error = 0
    for (const value of changed) error += value * value
    if (!Number.isFinite(error)) continue
    const again = async (): Promise<Float32Array> => (keep ? changed : (await change(parsed)).change)
    found.push({ choice, bytes, error, change: again })
  }
  cache = undefined
  made = undefined
  return found
}

/** Weights as their format keeps them. */
function rounded(dtype: string, weights: Float32Array): Float32Array {
  if (dtype === 'F32') return weights
  const out = new Float32Array(weights.length)
  decode(dtype, encode(dtype as WritableDtype, weights), out)
  return out
}
