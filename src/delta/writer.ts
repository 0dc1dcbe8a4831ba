// A delta file that is being written: in one go, beside its name.
import { constants, type FileHandle, open } from 'node:fs/promises'
import { deflateSync } from 'node:zlib'
import { attempt, type BlockJournal, ChangedInput, type Resume, writeResumed } from '../files/index.js'
import type { StoredPiece } from '../kernels/index.js'
import { openDelta } from './container.js'
import type { DeltaDescription } from './description.js'
import { type KeptPiece, keptPieces, notedPiece, noteKept } from './kept.js'
import { digestOf, headerOf, type IndexedPiece, indexWords, roomiestHeader, WORDS } from './layout.js'

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
      for (const [i, piece] of index.entries()) words.set(indexWords(piece), WORDS * i)
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
