// What was read of the input files: pieces, each with its checksum, noted in the journal of the output. Passes note what they read; what
// no pass reads is read besides. So each input has a checksum, and none is read a second time for it.
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { BlockJournal } from '../files/index.js'
import { addChecksums, type FileBytes } from '../kernels/index.js'
import type { Lanes } from './lanes.js'
import { inParallel } from './parallel.js'

/** Bytes that a thread reads at a time for their checksum. */
const PIECE = 1 << 24

/** Pieces of a file that do not overlap: of the noted ones, the first that begin behind each other. */
function piecesOf({ inputs }: BlockJournal, file: string): (FileBytes & { sum: string })[] {
  const path = resolve(file)
  const all = [...inputs.values()].filter((piece) => piece.file === path)
  let end = 0
  return all
    .sort((a, b) => a.begin - b.begin)
    .filter(({ begin, bytes }) => {
      if (begin < end) return false
      end = begin + bytes
      return true
    })
}

/** What lies between these pieces of a file, cut. */
function gapsIn(file: string, size: number, pieces: readonly FileBytes[]): FileBytes[] {
  const gaps: FileBytes[] = []
  let begin = 0
  for (const piece of [...pieces, { begin: size, bytes: 0 }].sort((a, b) => a.begin - b.begin)) {
    for (let at = begin; at < piece.begin; at += PIECE)
      gaps.push({ file, begin: at, bytes: Math.min(PIECE, piece.begin - at) })
    begin = Math.max(begin, piece.begin + piece.bytes)
  }
  return gaps
}

/** Reads pieces for their checksums, and notes them. */
function readPieces(engine: Lanes, journal: BlockJournal, pieces: readonly FileBytes[]): Promise<void> {
  return inParallel(engine.jobs, pieces, async (piece) => {
    const lane = await engine.lease()
    try {
      journal.input(piece, await lane.check(piece))
    } finally {
      lane.release()
    }
  })
}

/**
 * Reads again what an earlier run noted.
 * @throws ChangedInput where it has another checksum
 */
export const checkEarlier = (engine: Lanes, journal: BlockJournal): Promise<void> =>
  readPieces(engine, journal, journal.earlier)

/** Reads what is not noted of files. @param coming what passes will read and note */
export async function readRest(
  engine: Lanes,
  journal: BlockJournal,
  files: readonly string[],
  coming: readonly FileBytes[] = [],
): Promise<void> {
  const gaps: FileBytes[] = []
  const byPath = new Map<string, FileBytes[]>()
  for (const piece of coming) {
    const path = resolve(piece.file)
    const list = byPath.get(path)
    if (list) list.push(piece)
    else byPath.set(path, [piece])
  }
  for (const file of files) {
    const known = [...piecesOf(journal, file), ...(byPath.get(resolve(file)) ?? [])]
    gaps.push(...gapsIn(file, (await stat(file)).size, known))
  }
  await readPieces(engine, journal, gaps)
}

/** The checksum of a file of which all is noted. */
export const inputChecksum = (journal: BlockJournal, file: string): string =>
  addChecksums(piecesOf(journal, file).map(({ sum }) => sum))
