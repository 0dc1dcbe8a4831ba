// The delta file: a safetensors file of records, with an index of their lengths and checksums. It is written in one go, and found whole or
// refused.
import { createHash } from 'node:crypto'
import { constants, type FileHandle, open } from 'node:fs/promises'
import { deflateSync, inflateSync } from 'node:zlib'
import { readHeader, readWeightHeader, type TensorEntry } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { attempt, type BlockJournal, ChangedInput, type Resume, writeResumed } from '../files/index.js'
import { lossyBytes, mostLossyBytes, type StoredPiece } from '../kernels/index.js'
import { kindOfFile } from '../schema/index.js'
import {
  countPieces,
  type DeltaDescription,
  type DeltaUnit,
  isExactFile,
  parseDescription,
  piecesOf,
  VERSION,
} from './description.js'
import { type KeptPiece, keptPieces, notedPiece, noteKept } from './kept.js'
import { MARK } from './mark.js'

/** The entry of the index, and its words of 32 bits for a piece: the length of the record, and checksums of it, the piece and the base. */
const INDEX = 'pieces'
/** The entry of the description: JSON, deflated. */
const DESCRIPTION = 'description'
/** Bytes of the longest one that is read: what lists and names may take beside those of so many units. */
const longestOf = (pieces: number): number => Math.min(1 << 28, (1 << 22) + (1 << 13) * pieces)
const WORDS = 13

/** A piece as the index describes it. */
type IndexedPiece = Omit<StoredPiece, 'record'> & { bytes: number }

const wordsOf = ({ bytes, sum, resultSum, baseSum }: IndexedPiece): Uint32Array => {
  const words = Uint32Array.of(bytes, ...Array<number>(WORDS - 1).fill(0))
  for (const [i, each] of [sum, resultSum, baseSum].entries())
    for (let k = 0; k < 4 && each; k++) {
      // Two sums of 64 bits, each written from its upper end.
      const at = 16 * (k >> 1) + 8 * (1 - (k & 1))
      words[1 + 4 * i + k] = Number.parseInt(each.slice(at, at + 8), 16)
    }
  return words
}

function indexedPiece(words: Uint32Array): IndexedPiece {
  const hex = (i: number): string => words[i]!.toString(16).padStart(8, '0')
  const sumAt = (i: number): string => hex(i + 1) + hex(i) + hex(i + 3) + hex(i + 2)
  return { bytes: words[0]!, sum: sumAt(1), resultSum: sumAt(5), baseSum: sumAt(9) }
}

const digestOf = (description: Uint8Array, index: Uint8Array): string =>
  createHash('sha256').update(description).update(index).digest('hex')

/** Bytes of the entries that are not data of units. */
interface ContainerParts {
  pieces: number
  description: number
  sha256: string
}

/** The header, at least `least` bytes long. @param lengths of the data of each unit */
function headerOf(
  units: readonly DeltaUnit[],
  lengths: readonly number[],
  { pieces, description, sha256 }: ContainerParts,
  least = 0,
): Buffer {
  let at = 0
  const entry = (dtype: string, shape: number[], bytes: number) => {
    at += bytes
    return { dtype, shape, data_offsets: [at - bytes, at] }
  }
  const data = units.flatMap(({ data }, i) => (data === undefined ? [] : [{ data, bytes: lengths[i]! }]))
  const json = JSON.stringify({
    __metadata__: {
      [MARK]: VERSION,
      sha256,
    },
    ...Object.fromEntries(data.map(({ data, bytes }) => [data, entry('U8', [bytes], bytes)])),
    [INDEX]: entry('U32', [pieces, WORDS], 4 * WORDS * pieces),
    [DESCRIPTION]: entry('U8', [description], description),
  })
  const text = Buffer.from(json)
  const bytes = Buffer.alloc(Math.max(least, 8 + Math.ceil(text.length / 8) * 8), ' ')
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8))
  text.copy(bytes, 8)
  return bytes
}

/** A delta file that is being written: records are added in the order of the pieces. */
export interface DeltaWriter {
  /** Pieces that an earlier run finished, from the first on. */
  kept: readonly KeptPiece[]
  /** Appends a record to the data of the unit that is in turn, or takes the one that is there. */
  add(unit: number, piece: StoredPiece | KeptPiece): Promise<void>
  end(description: DeltaDescription): Promise<void>
}

/**
 * Writes a delta file beside its name, and gives it the name when `fill` has ended. A run that was killed is taken up again.
 * @param planned its description, with data for every unit: none that it ends with is longer
 */
export const writeDelta = (
  path: string,
  planned: DeltaDescription,
  resume: Resume,
  fill: (writer: DeltaWriter) => Promise<void>,
): Promise<void> =>
  attempt(path, () =>
    writeResumed(path, resume, async (draft, journal) => {
      const handle = await open(draft, constants.O_RDWR | constants.O_CREAT)
      try {
        await fill(openWriter(handle, draft, planned, journal))
        await handle.datasync()
      } finally {
        await handle.close()
      }
      await openDelta(draft) // What no reader takes gets no name.
    }),
  )

/** Bytes of a header that has room for data of any length. */
function roomiestHeader(units: readonly DeltaUnit[]): number {
  const most = Math.floor(Number.MAX_SAFE_INTEGER / (2 * units.length + 2))
  const parts = { pieces: Number.MAX_SAFE_INTEGER, description: most, sha256: '0'.repeat(64) }
  const longest = units.map(() => most)
  return headerOf(units, longest, parts).length
}

/** Bytes of a file with so many pieces and a description of so many bytes, without the data of its units. */
export const containerBytes = (units: readonly DeltaUnit[], pieces: number, description: number): number =>
  roomiestHeader(units) + 4 * WORDS * pieces + description

function openWriter(handle: FileHandle, draft: string, planned: DeltaDescription, journal: BlockJournal): DeltaWriter {
  const least = roomiestHeader(planned.units)
  const kept = keptPieces(journal, draft, least)
  let at = least
  const lengths = planned.units.map(() => 0)
  const index: IndexedPiece[] = []
  const append = async (bytes: Uint8Array): Promise<void> => {
    for (let done = 0; done < bytes.length; )
      done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
    at += bytes.length
  }
  return {
    kept,
    async add(unit, piece) {
      const [number, noted] = [index.length, 'record' in piece ? notedPiece(piece) : piece]
      if (noted.bytes !== (kept[number]?.bytes ?? noted.bytes)) throw new ChangedInput(draft)
      if ('record' in piece) {
        await append(piece.record)
        noteKept(journal, number, noted)
      } else at += noted.bytes
      lengths[unit]! += noted.bytes
      index.push(noted)
    },
    async end(description) {
      const words = new Uint32Array(WORDS * index.length)
      for (const [i, piece] of index.entries()) words.set(wordsOf(piece), WORDS * i)
      const bytes = new Uint8Array(words.buffer)
      const text = deflateSync(JSON.stringify(description))
      await append(bytes)
      await append(text)
      await handle.truncate(at)
      const own = { pieces: index.length, description: text.length, sha256: digestOf(text, bytes) }
      const header = headerOf(description.units, lengths, own, least)
      await handle.write(header, 0, header.length, 0)
    },
  }
}

/** A piece with the place of its record. */
export interface PlacedPiece extends IndexedPiece {
  begin: number
}

/** A delta file that was read. */
export interface Delta extends DeltaDescription {
  file: string
  /** Bytes of the file. */
  size: number
  /** Of each unit, the pieces in their order. */
  pieces: readonly (readonly PlacedPiece[])[]
}

/** Names of files of weights that are no safetensors. */
const OTHERS = /\.(bin|pt|pth|gguf)$/

/** @throws UserError for a file that is no delta file, is of a later version, or does not agree with itself */
export async function openDelta(file: string): Promise<Delta> {
  const { entries, metadata, size } = await readHeader(file).catch(async (cause: unknown) => {
    if (!OTHERS.test(file)) throw cause
    await readWeightHeader(file) // Says what is damaged.
    const kind = kindOfFile(file)
    throw kind === null ? cause : new UserError(`${file}: ${kind.split(': ')[0]}, and no delta file`, { cause })
  })
  const version = metadata[MARK]
  if (version === undefined) throw new UserError(`${file}: is no delta file: deltalab compress did not write it`)
  if (version !== VERSION) {
    const remedy = version === '1' || version === '2' ? 'compress the model again' : 'a newer one is needed'
    throw new UserError(
      `${file}: is a delta file of version ${version}; this program reads version ${VERSION}: ${remedy}`,
    )
  }
  const byName = new Map(entries.map((entry) => [entry.name, entry]))
  const [index, described] = [byName.get(INDEX), byName.get(DESCRIPTION)]
  if (!described || !index || index.dtype !== 'U32' || index.shape[1] !== WORDS || index.shape.length !== 2)
    throw new UserError(`${file}: is a damaged delta file: its index or its description is missing`)
  const [bytes, text] = [await readBytes(file, index), await readBytes(file, described)]
  if (digestOf(text, bytes) !== metadata.sha256)
    throw new UserError(`${file}: is damaged: its description or its index has another SHA-256`)
  const count = index.shape[0]!
  const description = parseDescription(file, inflated(file, text, longestOf(count)), count)
  const counts = description.units.map(countPieces)
  if (counts.reduce((sum, each) => sum + each, 0) !== count)
    throw new UserError(`${file}: is damaged: its index has ${count} pieces, and its description others`)
  const words = new Uint32Array(bytes.buffer)
  let next = 0
  const pieces = description.units.map((unit) => {
    const entry = unit.data === undefined ? undefined : byName.get(unit.data)
    let begin = entry?.begin ?? 0
    const placed = [...piecesOf(unit)].map((piece): PlacedPiece => {
      const indexed = indexedPiece(words.subarray(WORDS * next, WORDS * ++next))
      const { form, place } = piece.lossy ?? {}
      const most = form ? mostLossyBytes(form, place!) : piece.bytes + 1
      if (form && indexed.bytes < (lossyBytes(form, place!) ?? 0))
        throw new UserError(`${file}: is damaged: a record is shorter than its piece`)
      if (indexed.bytes > most) throw new UserError(`${file}: is damaged: a record is longer than its piece`)
      begin += indexed.bytes
      return { ...indexed, begin: begin - indexed.bytes }
    })
    if (begin !== (entry?.end ?? 0))
      throw new UserError(`${file}: is damaged: the records of ${JSON.stringify(unit.data)} are not as long as it is`)
    return placed
  })
  checkSums(file, description, pieces)
  return { ...description, file, size, pieces }
}

/** What stands for the SHA-256 of a file that does not come back as it was, or that is stored fast: that of the checksums of its pieces, in their order. */
export function digestOfSums(units: readonly number[], sums: readonly (readonly { resultSum: string }[])[]): string {
  const hash = createHash('sha256')
  for (const unit of units) for (const { resultSum } of sums[unit]!) hash.update(resultSum)
  return hash.digest('hex')
}

function checkSums(file: string, { files, units }: DeltaDescription, pieces: Delta['pieces']): void {
  for (const { path, sha256, sums, units: own } of files) {
    const isExact = isExactFile({ units: own }, units)
    if ((sha256 === undefined) === (sums === undefined) || (sha256 !== undefined && !isExact))
      throw new UserError(`${file}: is damaged: its description has no SHA-256 of ${path}, or one too many`)
    if (sums !== undefined && digestOfSums(own, pieces) !== sums)
      throw new UserError(`${file}: is damaged: the pieces of ${path} are others than its description says`)
  }
}

function inflated(file: string, bytes: Uint8Array, most: number): string {
  try {
    return inflateSync(bytes, { maxOutputLength: most }).toString()
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
        ? `has more than ${most} bytes`
        : 'cannot be read'
    throw new UserError(`${file}: is damaged: its description ${why}`, { cause })
  }
}

async function readBytes(file: string, { begin, end }: TensorEntry): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin)
  const handle = await open(file)
  try {
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, done, bytes.length - done, begin + done)
      if (!bytesRead) throw new UserError(`${file}: changed while it was read`)
      done += bytesRead
    }
  } finally {
    await handle.close()
  }
  return bytes
}
