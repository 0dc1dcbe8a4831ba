// What formats of packed codes have in common: parts under names that begin with the module's, words of 32 bits, and groups.
import { UserError } from '../errors/index.js'
import type { Stored } from './coded.js'

/** A weight whose parts are stored under names that begin with its module's. */
export interface PackedWeight {
  stored: Stored
  /** Name of the module. */
  base: string
}

/** An error that names the weight. */
export const packedFault = ({ stored: { folder }, base }: PackedWeight, why: string) =>
  new UserError(`${folder}: tensor ${JSON.stringify(`${base}.weight`)}: ${why}`)

/** @throws UserError where a stored tensor is missing, or has another shape or format */
export function packedPart(weight: PackedWeight, part: string, shape: readonly number[], dtypes: RegExp): string {
  const { stored, base } = weight
  const entry = stored.tensors.get(`${base}.${part}`)
  if (!entry) throw packedFault(weight, `${base}.${part} is missing`)
  if (String(entry.shape) !== String(shape) || !dtypes.test(entry.dtype))
    throw packedFault(
      weight,
      `${part} is ${entry.dtype} [${entry.shape.join(', ')}]; config.json makes it [${shape.join(', ')}] of ${dtypes.source.replace(/[()^$]/g, '').replaceAll('|', ' or ')}`,
    )
  return entry.name
}

/** Bytes as words of 32 bits. */
export const asWords = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))

/** The side of a group along the input. @throws UserError for a size that is none */
export function groupSide(weight: PackedWeight, size: unknown, inputs: number): number {
  if (size === -1 || size === null) return inputs || 1
  if (!Number.isSafeInteger(size) || (size as number) < 1)
    throw packedFault(weight, `config.json says group_size ${JSON.stringify(size)}; a whole number, or -1, is wanted`)
  return size as number
}

/** How codes lie in the words of a row: whole codes in each word, or one behind the other over the ends of words. */
export interface Packing {
  bits: number
  runsOn: boolean
}

export const wordsFor = ({ bits, runsOn }: Packing, codes: number): number =>
  runsOn ? Math.ceil((codes * bits) / 32) : Math.ceil(codes / Math.floor(32 / bits))

/** Finds code number `at` of words that begin at `start` and lie `step` apart. */
export function codesIn(
  words: Uint32Array,
  { bits, runsOn }: Packing,
): (at: number, start: number, step: number) => number {
  const [each, mask] = [Math.floor(32 / bits), 2 ** bits - 1]
  return (at, start, step) => {
    const bit = runsOn ? at * bits : Math.floor(at / each) * 32 + (at % each) * bits
    const [word, shift] = [start + (bit >> 5) * step, bit & 31]
    const rest = shift + bits > 32 ? words[word + step]! << (32 - shift) : 0
    return ((words[word]! >>> shift) | rest) & mask
  }
}
