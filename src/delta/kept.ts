// Pieces of a delta file that an interrupted run finished: what its journal says of them, and whether that still holds.
import { type BlockJournal, ChangedInput } from '../files/index.js'
import { type FileBytes, needsBase, type PostPiece, type StoredLossy, type StoredPiece } from '../kernels/index.js'
import type { PieceLane } from '../stream/index.js'

/** What is known of a piece, besides its record. */
export interface NotedPiece extends Omit<StoredPiece, 'record'> {
  /** Length of the record. */
  bytes: number
  /** Whether it is read with the base. */
  needBase: boolean
  /** Squared norms of what is lost, and of the delta; none for a record without loss. */
  lost?: number
  moved?: number
}

/** One whose record is in the file. */
export interface KeptPiece extends NotedPiece {
  place: FileBytes
}

export const notedPiece = ({ record, ...known }: StoredPiece | StoredLossy): NotedPiece => ({
  ...known,
  bytes: record.length,
  needBase: needsBase(record),
})

export const noteKept = (journal: BlockJournal, number: number, piece: NotedPiece): void =>
  journal.add(String(number), JSON.stringify(piece))

/** The pieces of a journal, from the first on. @param begin of their records in the file */
export function keptPieces({ done }: BlockJournal, file: string, begin: number): KeptPiece[] {
  const kept: KeptPiece[] = []
  let at = begin
  for (let text = done.get('0'); text !== undefined; text = done.get(String(kept.length))) {
    const piece = JSON.parse(text) as NotedPiece
    kept.push({ ...piece, place: { file, begin: at, bytes: piece.bytes } })
    at += piece.bytes
  }
  return kept
}

/**
 * Whether the record is as it was written.
 * @param posted what it was made of
 * @throws ChangedInput where that has other bytes now. Of a piece with loss the model's own are not known: their size and time are.
 */
export async function holds(lane: PieceLane, kept: KeptPiece, posted: PostPiece): Promise<boolean> {
  const { place, bytes } = kept
  const found = await lane.compress({ dtype: null, bytes, base: null, post: place, codec: 'raw' }).catch(() => null)
  if (found?.resultSum !== kept.sum) return false
  const { base, post } = posted
  const now = await lane.compress({ ...posted, codec: 'raw' })
  if (base && now.baseSum !== kept.baseSum) throw new ChangedInput(fileOf(base))
  if (kept.lost === undefined && now.resultSum !== kept.resultSum) throw new ChangedInput(fileOf(post))
  return true
}

const fileOf = (bytes: FileBytes | { given: Uint8Array }): string => ('file' in bytes ? bytes.file : 'an input')
