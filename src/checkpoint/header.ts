// The header of a safetensors file: parsed and checked in full before a weight is read, so that a truncated or corrupt file
// is one clear line. Format: 8 bytes little-endian header length, JSON header, data (github.com/huggingface/safetensors).
import { printable, UserError, unknown } from '../errors/index.js'
import { checkFile, isObject, KIND_BYTES, kindOfBytes, showValue } from '../schema/index.js'
import { BITS } from './dtype.js'
import { openFile } from './made-file.js'

/** Where one tensor lies. */
export interface TensorEntry {
  /** Checkpoint name of the tensor. */
  name: string
  /** Stored format, as safetensors names it. */
  dtype: string
  /** Its shape. */
  shape: number[]
  /** Path of the safetensors file. */
  file: string
  /** First byte in the file, and the byte after the last. */
  begin: number
  /** The byte after the last. */
  end: number
}

/** The reference reader refuses longer headers too. */
const LONGEST_HEADER = 100_000_000

/** Reads and checks the header of `file`. Throws a UserError that names the file and the tensor. */
export async function readHeader(
  file: string,
): Promise<{ entries: TensorEntry[]; metadata: Record<string, string>; size: number }> {
  checkFile(file)
  const opened = await openFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`${file}: cannot be opened (${cause.code})`, { cause })
  })
  try {
    const { size } = opened
    const start = Buffer.alloc(Math.min(size, KIND_BYTES))
    await opened.read(start, 0)
    const other = start[8] === 0x7b ? null : kindOfBytes(start, 'safetensors')
    if (other !== null) throw new UserError(`${file}: ${other}`)
    if (size < 8)
      throw new UserError(`${file}: not a safetensors file: ${size} bytes, fewer than the 8 of the header length`)
    const length = start.readBigUInt64LE()
    if (length > BigInt(size - 8)) {
      throw new UserError(
        `${file}: header length ${length} is beyond the end of the file (${size} bytes): truncated, or not safetensors`,
      )
    }
    if (length > BigInt(LONGEST_HEADER))
      throw new UserError(`${file}: header length ${length} is too large (at most ${LONGEST_HEADER})`)
    const bytes = Buffer.alloc(Number(length))
    await opened.read(bytes, 8)
    return { ...parseHeader(bytes, file, size), size }
  } finally {
    await opened.close()
  }
}

function parseHeader(
  bytes: Buffer,
  file: string,
  size: number,
): { entries: TensorEntry[]; metadata: Record<string, string> } {
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    header = JSON.parse(text)
  } catch (error) {
    throw new UserError(`${file}: header is not valid JSON (${(error as Error).message})`, { cause: error })
  }
  if (!isObject(header)) throw new UserError(`${file}: header is not a JSON object`)
  const twice = duplicateKey(text)
  if (twice !== null) throw new UserError(`${file}: ${JSON.stringify(twice)} occurs twice in the header`)

  const { __metadata__, ...tensors } = header
  const metadata = __metadata__ ?? {}
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    throw new UserError(`${file}: __metadata__ must hold strings only`)
  }
  const data = 8 + bytes.length
  const entries = Object.entries(tensors).map(([name, info]) => checkTensor(name, info, { file, data, size }))
  const odd = oddNumber(text)
  if (odd !== null)
    throw new UserError(
      `${file}: the header holds the number ${odd}; sizes and offsets are whole numbers ≥ 0, written without a point`,
    )
  checkLayout(entries, { file, data, size })
  return { entries, metadata: metadata as Record<string, string> }
}

/** A file, the offset at which its data begin, and its size in bytes. */
interface FileSpan {
  file: string
  data: number
  size: number
}

function checkTensor(name: string, info: unknown, { file, data, size }: FileSpan): TensorEntry {
  const where = `${file}: tensor ${JSON.stringify(name)}`
  if (!isObject(info)) throw new UserError(`${where}: its header entry is not an object`)
  if (printable(name) !== name || /[\n\t\p{Cs}]/u.test(name))
    throw new UserError(
      `${where}: control characters in a name; a tensor is called by letters, digits, dots and underscores`,
    )
  const { dtype, shape, data_offsets: offsets } = info
  if (typeof dtype !== 'string' || !Object.hasOwn(BITS, dtype))
    throw unknown(`dtype in ${where}`, typeof dtype === 'string' ? dtype : showValue(dtype), Object.keys(BITS))
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw new UserError(`${where}: shape ${showValue(shape)} is not a list of whole numbers ≥ 0`)
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw new UserError(`${where}: data_offsets ${showValue(offsets)} is not a pair of whole numbers ≥ 0`)
  }
  const [begin, end] = offsets as [number, number]
  if (begin > end) throw new UserError(`${where}: data_offsets [${begin}, ${end}] run backwards`)
  if (data + end > size) {
    throw new UserError(
      `${where}: bytes ${begin} to ${end} lie outside the ${size - data} data bytes of the file: truncated?`,
    )
  }
  const bits = shape.reduce((product: number, side: number) => product * side, BITS[dtype])
  if (bits !== (end - begin) * 8) {
    throw new UserError(`${where}: ${end - begin} bytes, but ${dtype} [${shape.join(', ')}] takes ${bits / 8}`)
  }
  return { name, dtype, shape, file, begin: data + begin, end: data + end }
}

/** Tensors must tile the data: no overlap, no hole, nothing after the last. */
function checkLayout(entries: TensorEntry[], { file, data, size }: FileSpan): void {
  const ordered = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)
  let reached = data
  let before = 'the header'
  for (const { name, begin, end } of ordered) {
    if (begin < reached)
      throw new UserError(`${file}: tensor ${JSON.stringify(name)} overlaps ${before} by ${reached - begin} bytes`)
    if (begin > reached)
      throw new UserError(
        `${file}: ${begin - reached} bytes between ${before} and tensor ${JSON.stringify(name)} belong to no tensor`,
      )
    reached = end
    before = `tensor ${JSON.stringify(name)}`
  }
  if (reached < size) throw new UserError(`${file}: ${size - reached} bytes after ${before} belong to no tensor`)
}

const isSize = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

/** The first number that is not made of digits alone, which JSON.parse would round to a whole one (16.0, -0) and the reference reader refuses. */
const oddNumber = (text: string): string | null =>
  /-?\d+(?:[.eE][\d.eE+-]*)|-\d+/.exec(text.replace(/"(?:[^"\\]|\\.)*"/gs, '""'))?.[0] ?? null

/** The first key that an object of this (valid) JSON text holds twice: JSON.parse silently keeps the last. */
export function duplicateKey(text: string): string | null {
  const open: (Set<string> | null)[] = []
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/gs
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [word, colon] = match
    if (word === '{') open.push(new Set())
    else if (word === '[') open.push(null)
    else if (word === '}' || word === ']') open.pop()
    else if (colon) {
      const key: string = JSON.parse(word.slice(0, word.length - colon.length))
      const keys = open.at(-1)!
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return null
}

/** What is said of a file that is shorter than its header says. */
export const endsInside = (file: string, tensor: string): UserError =>
  new UserError(`${file}: ends inside tensor ${JSON.stringify(tensor)}: the file changed while it was read`)
