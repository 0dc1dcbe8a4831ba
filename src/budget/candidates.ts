// The ways in which a tensor may be stored.
import { type CodedTensor, unfitFor } from '../codecs/index.js'
import { type CodecChoice, factorBytes, optionsFor, type ParsedChoice, parseChoice } from '../compress/index.js'

/** A codec with its options, for one tensor. */
export interface Candidate {
  choice: CodecChoice
  /** Bytes of its data in the file. */
  bytes: number
  /** Squared norm of the change: what is written less post. */
  error: number
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

/** The choices that fit a tensor, in steps of about half of the bytes. */
export interface FittingChoices {
  choices: readonly CodecChoice[]
  /** A choice that takes all singular vectors that these take; null where none takes any. */
  vectors: ParsedChoice | null
  /** Bytes that the singular vectors of all choices would need, where some are left out for want of memory; else 0. */
  needed: number
}

/** @param room bytes for singular vectors while they are sought */
export function fittingChoices(tensor: CodedTensor & { name: string }, room: number): FittingChoices {
  const fits = (choice: CodecChoice): boolean => {
    const parsed = parsedChoice(choice)
    return unfitFor(parsed.codec!, optionsFor(parsed, tensor), tensor) === null
  }
  const all = [...SPARSE, ...SIGNS, ...GRIDS, ...ranksOf(tensor), ...BANDS, DENSE].filter(fits)
  const full = Math.min(...tensor.shape.slice(-2))
  const vectorsFor = (choice: CodecChoice): ParsedChoice => vectorsChoice(Math.min(countVectors(choice), full))
  const bytesFor = (choice: CodecChoice): number => countVectors(choice) && factorBytes(tensor, vectorsFor(choice))
  const choices = all.filter((choice) => bytesFor(choice) <= room)
  const most = choices.reduce((one, two) => (countVectors(two) > countVectors(one) ? two : one), LOSSLESS)
  return {
    choices,
    vectors: countVectors(most) ? vectorsFor(most) : null,
    needed: choices.length < all.length ? Math.max(...all.map(bytesFor)) : 0,
  }
}

/** Singular vectors that a choice takes. */
function countVectors({ codec, options = {} }: CodecChoice): number {
  if (codec === 'low_rank') return options.rank as number
  if (codec !== 'bands') return 0
  return String(options.bands)
    .split('+')
    .reduce((sum, band) => sum + Number(band.split('x')[1]), 0)
}

const vectorsChoice = (count: number): ParsedChoice =>
  parsedChoice({ codec: 'bands', options: { bands: `16x${count}`, values: 'bf16', restore: false } })
