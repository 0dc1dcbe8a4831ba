// A delta file that is read: it is found whole, or refused.
import { createHash } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { inflateSync } from 'node:zlib'
import { readHeader, readWeightHeader, type TensorEntry } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { lossyBytes, mostLossyBytes } from '../kernels/index.js'
import { nounOfFile } from '../schema/index.js'
import { countPieces, type DeltaDescription, isExactFile, parseDescription, piecesOf, VERSION } from './description.js'
import { DESCRIPTION_ENTRY, digestOf, INDEX_ENTRY, type IndexedPiece, indexedPiece, WORDS } from './layout.js'
import { MARK } from './mark.js'

/** Bytes of the longest description that is read: what lists and names may take beside those of so many units. */
const longestOf = (pieces: number): number => Math.min(1 << 28, (1 << 22) + (1 << 13) * pieces)

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
  if ((await stat(file).catch(() => null))?.isDirectory())
    throw new UserError(`${file}: is a folder; a delta file is wanted, as deltalab compress writes it`)
  const { entries, metadata, size } = await readHeader(file).catch(async (cause: unknown) => {
    const kind = nounOfFile(file)
    const isText = kind !== undefined && /^is (a text|JSON)/.test(kind)
    if (!OTHERS.test(file) && !isText) throw cause
    if (!isText) await readWeightHeader(file) // Says what is damaged.
    throw kind === undefined ? cause : new UserError(`${file}: ${kind}, and no delta file`, { cause })
  })
  const version = metadata[MARK]
  if (version === undefined) throw new UserError(`${file}: is no delta file: deltalab compress did not write it`)
  if (version !== VERSION) {
    const remedy = Number(version) < Number(VERSION) ? 'compress the model again' : 'a newer one is needed'
    throw new UserError(
      `${file}: is a delta file of version ${version}; this program reads version ${VERSION}: ${remedy}`,
    )
  }
  const byName = new Map(entries.map((entry) => [entry.name, entry]))
  const [index, described] = [byName.get(INDEX_ENTRY), byName.get(DESCRIPTION_ENTRY)]
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
