// Faults of a tokenizer.json that the reference's core (tokenizers 0.23) does not report: they end the process. Looked for first.
import { isUtf8 } from 'node:buffer'
import { UserError } from '../errors/index.js'
import type { TokenizerFile } from './file.js'

interface Part {
  type?: string
  [setting: string]: unknown
}

/** @throws UserError: what is wrong, and in which part */
export function checkFaults(file: TokenizerFile): void {
  checkMerges(file.model)
  checkInserted(file)
  for (const part of ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'] as const)
    for (const each of partsOf(file[part])) CHECKS[each.type!]?.(each, part)
}

/** A part and those in it. */
function* partsOf(part: unknown): Generator<Part> {
  if (typeof part !== 'object' || part === null) return
  yield part as Part
  for (const list of ['normalizers', 'pretokenizers', 'processors', 'decoders'])
    for (const inner of ((part as Part)[list] ?? []) as unknown[]) yield* partsOf(inner)
}

const CHECKS: Record<string, (part: Part, where: string) => void> = {
  TemplateProcessing({ single, pair, special_tokens: special }, where) {
    for (const { SpecialToken: token } of [single, pair].flat() as { SpecialToken?: { id: string } }[]) {
      if (token && !Object.hasOwn(special ?? {}, token.id))
        throw new UserError(`${where}: ${JSON.stringify(token.id)} is not among its special_tokens`)
    }
  },
  Strip({ start, stop }, where) {
    if (Number(start) > 0 && Number(stop) > 0)
      throw new UserError(
        `${where}: Strip with both start and stop is not supported; the reference fails on tokens shorter than both`,
      )
  },
  FixedLength({ length }, where) {
    if (length === 0) throw new UserError(`${where}: FixedLength has the length 0; it must be 1 or more`)
  },
  Precompiled({ precompiled_charsmap: map }, where) {
    if (!isCharsmap(String(map)))
      throw new UserError(`${where}: precompiled_charsmap is not a character map of sentencepiece`)
  },
}

/** Parts that write a text letter by letter: they end the process on letters that Replace put in front of a text, in place of none. */
const WRITERS = [
  'BertNormalizer',
  'ByteLevel',
  'Lowercase',
  'NFC',
  'NFD',
  'NFKC',
  'NFKD',
  'Nmt',
  'Precompiled',
  'StripAccents',
]

function checkInserted({ normalizer, pre_tokenizer: split }: TokenizerFile): void {
  const parts = [...partsOf(normalizer), ...partsOf(split)]
  for (const [i, { type, pattern, content }] of parts.entries()) {
    if (type !== 'Replace' || !content || !matchesNothing(pattern as Pattern)) continue
    const writer = parts.slice(i + 1).find((later) => WRITERS.includes(later.type!))
    if (writer)
      throw new UserError(
        `normalizer: Replace has the pattern ${JSON.stringify(pattern)}, which matches the empty text, and ${writer.type} after it; the reference fails on that`,
      )
  }
}

type Pattern = { String?: string; Regex?: string }

/** Letters, one of most kinds, that a pattern may look ahead to. */
const LETTERS = [...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)), '\n', 'é', '中', '▁', '\ue000']

/** Whether the pattern matches the empty text in front of a letter. A Regex that JavaScript does not read is taken for one that does not. */
function matchesNothing({ String: text, Regex: source }: Pattern): boolean {
  if (source === undefined) return text === ''
  try {
    const regex = new RegExp(source.replace(/^\\A/, '^'), 'uy')
    return LETTERS.some((letter) => ((regex.lastIndex = 0), regex.exec(letter)?.[0] === ''))
  } catch {
    return false
  }
}

/** The second of two tokens that are merged loses its prefix. */
function checkMerges({ type, continuing_subword_prefix: prefix, merges }: TokenizerFile['model']): void {
  if (type !== 'BPE' || !prefix || !Array.isArray(merges)) return
  for (const merge of merges as unknown[]) {
    const second = Array.isArray(merge) ? merge[1] : String(merge).split(' ')[1]
    if (String(second).startsWith(String(prefix))) continue
    throw new UserError(
      `model: the merge ${JSON.stringify(merge)} does not go on with the continuing_subword_prefix ${JSON.stringify(prefix)}`,
    )
  }
}

/**
 * Whether every walk through the map ends within it: its size in bytes, a double-array trie of 32-bit units (darts-clone),
 * and texts that end in a zero byte.
 */
function isCharsmap(base64: string): boolean {
  const bytes = Buffer.from(base64, 'base64')
  const size = bytes.length < 4 ? 0 : bytes.readUInt32LE(0)
  if (size < 4 || size % 4 || 4 + size > bytes.length || bytes.toString('base64') !== base64) return false
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i))
  const texts = bytes.subarray(4 + size)
  if (!isUtf8(texts)) return false
  const starts = (at: number) => at <= texts.length && (at === texts.length || (texts[at]! & 0xc0) !== 0x80)
  const offsetOf = (unit: number) => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0
  const seen = new Set([offsetOf(units[0]!)])
  for (const at of seen) {
    for (let byte = 1; byte < 256; byte++) {
      const next = (at ^ byte) >>> 0
      if (next >= units.length) return false
      if ((units[next]! & 0x800000ff) >>> 0 !== byte) continue
      const after = (next ^ offsetOf(units[next]!)) >>> 0
      if (units[next]! & 0x100 && !(after < units.length && starts(units[after]! & 0x7fffffff))) return false
      seen.add(after)
    }
  }
  return true
}
