// A base and a delta file → the model folder again, every file as it was: its SHA-256 is looked at before the folder gets its name.
import { createHash } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { amount, UserError } from '../errors/index.js'
import {
  type BlockJournal,
  checkApart,
  checkUnchanged,
  type FileStates,
  fileState,
  fingerprintOf,
  writeFolder,
} from '../files/index.js'
import { inParallel, openPieces, type StreamOptions } from '../stream/index.js'
import { type Base, fitToBase, neededOf } from './base.js'
import type { Delta } from './container.js'
import { headUnits, lossyOf, piecesOf, unitName } from './description.js'
import type { BytePlace } from './plan.js'
import { type DeltaPiece, faultOf, restoredPiece } from './restored.js'

export interface ApplyOptions extends StreamOptions {
  overwrite?: boolean
  /** Drop what an interrupted run finished. */
  discard?: boolean
  note?: (text: string) => void
  onBytes?: (bytes: number, earlier: boolean, name: string | undefined) => void
}

/** A piece of a file that is made. */
interface OutputPiece extends DeltaPiece {
  /** Its number, over all pieces of the delta. */
  number: number
  to: BytePlace[]
  /** What it belongs to, for messages. */
  name: string
}

/**
 * Writes the folder. A run that was killed is taken up again.
 * @throws UserError for another base and for a damaged delta; nothing is left then
 */
export async function applyDelta(given: Delta, base: Base, out: string, options: ApplyOptions = {}): Promise<void> {
  await checkApart(out, base.sources)
  const delta = await fitToBase(given, base)
  const states: FileStates = {}
  for (const file of [delta.file, ...neededOf(delta).map((each) => base.fileOf(each))])
    states[file] ??= await fileState(file)
  const fingerprint = await fingerprintOf({ command: 'apply', files: delta.files, states }, base.sources)
  const bytes = delta.files.reduce((sum, each) => sum + each.bytes, 0)
  const { overwrite, discard = false, note = () => undefined } = options
  await writeFolder(out, { overwrite, bytes, resume: { fingerprint, discard, note } }, async (folder, journal) => {
    for (const { path, bytes } of delta.files) await makeFile(join(folder, path), bytes)
    await restoreAll({ delta, base, folder, journal }, placePieces(delta, folder), options)
    await checkUnchanged(states)
  })
}

async function makeFile(path: string, bytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const handle = await open(path, 'a')
  try {
    if ((await handle.stat()).size !== bytes) await handle.truncate(bytes)
  } finally {
    await handle.close()
  }
}

/** The pieces of all units, each with the places where it goes. */
function placePieces(delta: Delta, folder: string): OutputPiece[][] {
  const begins = delta.units.map((): BytePlace[] => [])
  for (const { path, units } of delta.files) {
    let begin = 0
    for (const unit of units) {
      begins[unit]!.push({ file: join(folder, path), begin })
      begin += delta.units[unit]!.bytes
    }
  }
  let number = 0
  const heads = headUnits(delta.units)
  return delta.units.map((unit, i) =>
    [...piecesOf(unit)].map((piece, k) => ({
      number: number++,
      unit: i,
      piece,
      stored: delta.pieces[i]![k]!,
      first: delta.pieces[heads[i]!]![0]!.begin,
      to: begins[i]!.map(({ file, begin }) => ({ file, begin: begin + piece.from })),
      name: unitName(unit, begins[i]![0]!.file.slice(folder.length + 1)),
    })),
  )
}

interface Work {
  delta: Delta
  base: Base
  folder: string
  journal: BlockJournal
}

/** Restores the pieces, and behind them looks at the SHA-256 of the files. */
async function restoreAll(
  { delta, base, folder, journal }: Work,
  units: readonly (readonly OutputPiece[])[],
  options: ApplyOptions,
): Promise<void> {
  const pieces = units.flat()
  const bytes = delta.units.reduce((sum, { bytes }) => sum + bytes, 0)
  const lanes = openPieces(
    options,
    bytes,
    delta.units.some((unit) => lossyOf(unit)),
  )
  const isDone = ({ number, stored }: OutputPiece): boolean => journal.done.get(String(number)) === stored.resultSum
  const done = pieces.filter(isDone).reduce((sum, { piece }) => sum + piece.bytes, 0)
  if (done) options.note?.(`goes on: ${amount(done)} of ${amount(bytes)} are done`)
  const made = pieces.map(openMoment)
  let stop: (error: unknown) => void = () => undefined
  const stopped = new Promise<never>((_, reject) => (stop = reject))
  stopped.catch(() => undefined)
  const reach = (piece: OutputPiece): Promise<void> => Promise.race([made[piece.number]!.promise, stopped])
  const restore = async (output: OutputPiece): Promise<void> => {
    const { number, stored, name, piece } = output
    const earlier = isDone(output)
    if (!earlier) {
      const restored = { ...(await restoredPiece(output, { delta, base })), to: output.to }
      const lane = await lanes.lease()
      const fault = await lane.restore(restored).finally(() => lane.release())
      if (fault !== null) throw faultOf(fault, { delta, base }, name)
      journal.add(String(number), stored.resultSum)
    }
    options.onBytes?.(piece.bytes, earlier, name)
    made[number]!.reach()
  }
  try {
    const checks = checkFiles(delta, folder, units, reach)
    checks.catch(() => undefined) // said where it is awaited
    await inParallel(lanes.places + 1, pieces, restore).catch(async (error: unknown) => {
      stop(error)
      await checks.catch(() => undefined)
      throw error
    })
    await checks
  } finally {
    await lanes.close()
  }
}

/** A promise that is kept when it is reached. */
function openMoment(): { promise: Promise<void>; reach: () => void } {
  let reach = (): void => undefined
  const promise = new Promise<void>((resolve) => (reach = resolve))
  return { promise, reach }
}

/** Bytes that are read at a time. */
const READ = 1 << 20

/** Reads every file behind the pieces that are written, for its SHA-256. */
async function checkFiles(
  delta: Delta,
  folder: string,
  units: readonly (readonly OutputPiece[])[],
  reach: (piece: OutputPiece) => Promise<void>,
): Promise<void> {
  for (const { path, units: own, sha256 } of delta.files) {
    if (sha256 === undefined) continue // The checksum of each piece was looked at.
    const handle = await open(join(folder, path))
    try {
      const hash = createHash('sha256')
      const buffer = Buffer.alloc(READ)
      for (const output of own.flatMap((unit) => units[unit]!)) {
        await reach(output)
        for (let left = output.piece.bytes; left > 0; ) {
          const { bytesRead } = await handle.read(buffer, 0, Math.min(READ, left))
          if (!bytesRead) throw new UserError(`${join(folder, path)}: ends too early`)
          hash.update(buffer.subarray(0, bytesRead))
          left -= bytesRead
        }
      }
      if (hash.digest('hex') !== sha256)
        throw new UserError(`${delta.file}: ${path} does not come out as it was stored: its SHA-256 is another one`)
    } finally {
      await handle.close()
    }
  }
}
