// The ways in which a tensor may be stored: the bytes of each, and how the delta that comes back differs from the true one.
import { decode, encode, type WritableDtype } from '../checkpoint/index.js'
import { type CodedTensor, codedBytes, placesOf, unfitFor } from '../codecs/index.js'
import { type CodecChoice, optionsFor, type ParsedChoice, parseChoice } from '../compress/index.js'
import { applySteps, type MatrixEditor, type Options } from '../editors/index.js'
import { BadValue } from '../kernels/index.js'
import { freeArrays } from '../stream/index.js'
import { roundBf16 } from '../tensor/index.js'
import { isCoarse, storedDelta, tripletsOf } from './coarse.js'

/** A codec with its options, for one tensor. */
export interface Candidate {
  choice: CodecChoice
  /** Bytes of its data in the file. */
  bytes: number
  /** Squared norm of the change: what is written less post. */
  error: number
}

/** A tensor of a pair, with its weights. */
export interface LoadedWeights extends CodedTensor {
  name: string
  base: Float32Array
  post: Float32Array
}

/** What choices make of a tensor. It holds its weights, and the singular vectors that choices share. */
export interface CodedChanges {
  /** The delta that comes back, float32: an entry for each of the tensor. @throws BadValue where numbers become too large for their format */
  delta(choice: ParsedChoice): Promise<Float32Array>
  /** What is written less post, in place of that delta. */
  toChange(delta: Float32Array): Float32Array
}

export const LOSSLESS: CodecChoice = { codec: 'lossless' }

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

/** Entries that are rounded at a time. */
const BLOCK = 1 << 16

/** @param vectors a choice of all singular vectors that others take */
export function openChanges(tensor: LoadedWeights, vectors: ParsedChoice | null): CodedChanges {
  const { base, post, dtype } = tensor
  const own = post.map((value, i) => value - base[i]!)
  const cache = new Map<string, Promise<unknown>>()
  const context = { seed: 0, tensor: tensor.name, batch: tensor.matrices > 1, cache }
  let triplets: ReturnType<typeof tripletsOf> | undefined
  return {
    async delta(choice) {
      if (isCoarse(choice)) {
        if (choice.codec!.ofMatrices) triplets ??= tripletsOf(own, tensor, vectors!)
        return storedDelta(own, tensor, choice, (await triplets) ?? [])
      }
      const exact = await applySteps(choice.steps, own, tensor.shape, context)
      return choice.options.values === 'bf16' ? roundBf16(exact) : exact
    },
    toChange(delta) {
      for (let from = 0; from < delta.length; from += BLOCK) {
        const part = delta.subarray(from, from + BLOCK)
        for (let i = 0; i < part.length; i++) part[i]! += base[from + i]!
        if (dtype !== 'F32') decode(dtype, encode(dtype as WritableDtype, part), part)
        for (let i = 0; i < part.length; i++) part[i]! -= post[from + i]!
      }
      return delta
    },
  }
}

/** Bytes of the data; those of the sparse codecs depend on the entries that are kept. */
function bytesOf(choice: ParsedChoice, tensor: LoadedWeights, delta: Float32Array): number {
  const codec = choice.codec!
  const fixed = codedBytes(codec, optionsFor(choice, tensor), tensor)
  if (fixed !== null) return fixed
  let bytes = 0
  for (const { from, size } of placesOf(codec, tensor)) {
    let kept = 0
    for (let i = from; i < from + size; i++) if (delta[i] !== 0) kept++
    bytes += 2 * kept
    if (codec.name === 'index') bytes += 4 + Math.ceil((kept * Math.max(1, Math.ceil(Math.log2(size)))) / 8)
    else bytes += Math.ceil(size / 8)
  }
  return bytes
}

const squaredNorm = (values: Float32Array): number => {
  let sum = 0
  for (const value of values) sum += value * value
  return sum
}

/** The choices that fit a tensor, in steps of about half of the bytes, and one of all singular vectors that they take. */
export interface FittingChoices {
  choices: readonly CodecChoice[]
  vectors: ParsedChoice | null
  /** Whether a choice is left out for want of memory. */
  isCut: boolean
}

/** @param room bytes for singular vectors while they are sought */
export function fittingChoices(tensor: CodedTensor & { name: string }, room: number): FittingChoices {
  const fits = (choice: CodecChoice): boolean => {
    const parsed = parsedChoice(choice)
    return unfitFor(parsed.codec!, optionsFor(parsed, tensor), tensor) === null
  }
  const all = [...SPARSE, ...SIGNS, ...GRIDS, ...ranksOf(tensor), ...BANDS, DENSE].filter(fits)
  const [full, matrix] = [Math.min(...tensor.shape.slice(-2)), tensor.shape.slice(-2)]
  let isCut = false
  let [most, vectors]: [number, ParsedChoice | null] = [0, null]
  const choices = all.filter((choice) => {
    const count = vectorsOf(choice)
    if (count <= most) return true
    const wanted = vectorsChoice(Math.min(count, full))
    const { editor, options } = wanted.steps[0]! as { editor: MatrixEditor; options: Options }
    const triplets = 4 * tensor.matrices * count * (matrix[0]! + matrix[1]!)
    if (editor.workBytes(options, matrix) + triplets > room) {
      isCut = true
      return false
    }
    ;[most, vectors] = [count, wanted]
    return true
  })
  return { choices, vectors, isCut }
}

/** Singular vectors that a choice takes. */
function vectorsOf({ codec, options = {} }: CodecChoice): number {
  if (codec === 'low_rank') return options.rank as number
  if (codec !== 'bands') return 0
  return String(options.bands)
    .split('+')
    .reduce((sum, band) => sum + Number(band.split('x')[1]), 0)
}

const vectorsChoice = (count: number): ParsedChoice =>
  parsedChoice({ codec: 'bands', options: { bands: `16x${count}`, values: 'bf16', restore: false } })

/** Bytes of arrays of earlier candidates that may wait to be freed. */
export const GARBAGE = 32e6

/**
 * The candidates of a tensor: no loss, and the choices that are smaller.
 * @param lossless bytes of the tensor without loss
 * @param keep takes the change of each candidate that has one
 */
export async function candidatesOf(
  tensor: LoadedWeights,
  { choices, vectors }: FittingChoices,
  lossless: number,
  keep: ((change: Float32Array) => void) | null,
): Promise<Candidate[]> {
  const changes = openChanges(tensor, vectors)
  const found: Candidate[] = [{ choice: LOSSLESS, bytes: lossless, error: 0 }]
  let garbage = 0
  for (const choice of choices) {
    const parsed = parsedChoice(choice)
    const delta = await changes.delta(parsed).catch((error: unknown) => {
      if (error instanceof BadValue) return null // Numbers become too large for their format.
      throw error
    })
    if (!delta) continue
    const bytes = bytesOf(parsed, tensor, delta)
    const change = changes.toChange(delta)
    const error = squaredNorm(change)
    if (bytes < lossless && Number.isFinite(error)) {
      found.push({ choice, bytes, error })
      keep?.(change)
    }
    garbage += 4 * change.byteLength
    if (garbage <= GARBAGE) continue
    freeArrays()
    garbage = 0
  }
  return found
}
