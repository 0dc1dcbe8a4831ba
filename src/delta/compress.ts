// A model folder → a delta file: every file of it, to the byte, as what differs from the base.
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { madeFile, readHash } from '../checkpoint/index.js'
import { amount, UserError } from '../errors/index.js'
import { checkApart, checkUnchanged, type FileStates, fileState, fingerprintOf, prepareFolder } from '../files/index.js'
import type { StoredLossy, StoredPiece } from '../kernels/index.js'
import { inOrder, openPieces, type StreamOptions } from '../stream/index.js'
import type { Base } from './base.js'
import { type Delta, digestOfSums, openDelta } from './container.js'
import {
  countPieces,
  type DeltaDescription,
  type DeltaUnit,
  isExactFile,
  lossyOf,
  piecesOf,
  type UnitPiece,
  VERSION,
} from './description.js'
import { holds, type KeptPiece, notedPiece } from './kept.js'
import type { DeltaPlan, LossySource, PlannedUnit } from './plan.js'
import { NotStored, postPiece, storePiece } from './store.js'
import { type DeltaWriter, writeDelta } from './writer.js'

export interface CompressOptions extends StreamOptions {
  /** What the file calls the base. */
  name: string
  /** How the codecs were chosen; for people. */
  choice?: Readonly<Record<string, unknown>> | undefined
  /** Replace a delta file. */
  overwrite?: boolean
  /** Drop what an interrupted run finished. */
  discard?: boolean
  note?: (text: string) => void
  /** Told how many bytes of the model are done, of which tensor the last ones are, and whether an earlier run did them. */
  onBytes?: (bytes: number, name: string | undefined, earlier: boolean) => void
}

/**
 * @param post what is stored
 * @throws UserError where a file is there already and may not be replaced, and within the folder that is stored
 */
export async function checkDeltaTarget(out: string, overwrite: boolean, post: string): Promise<void> {
  const info = await stat(out).catch(() => null)
  if (info?.isDirectory() || /[\\/]$/.test(out)) throw new UserError(`${out}: is a folder; give the name of a file`)
  if ((await stat(post).catch(() => null))?.isDirectory()) await checkApart(out, [post])
  if (!info) return
  if (!overwrite) throw new UserError(`${out}: exists; choose another name or give --overwrite`)
  await openDelta(out).catch((cause: unknown) => {
    throw new UserError(`${out}: is no delta file of this program, and is not overwritten; choose another name`, {
      cause,
    })
  })
}

/** Bytes of all files. */
export const bytesOfPlan = ({ files }: Pick<DeltaPlan, 'files'>): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0)

/** A plan, and what it was made of. */
export interface CompressedModel {
  plan: DeltaPlan
  base: Base
  /** Folder of the model. */
  post: string
  /** Files that the folder was made of, where it is one of this run alone. */
  madeOf?: readonly string[] | undefined
}

/**
 * Writes the delta file of a plan. What is stored of a unit does not depend on the number of threads.
 * @throws UserError for a name that is taken, files that change, and a full disk: nothing is left then
 */
export async function compressModel(job: CompressedModel, out: string, options: CompressOptions): Promise<Delta> {
  await checkDeltaTarget(out, options.overwrite ?? false, job.post)
  // The new file needs the delta files that its base is made of.
  await checkApart(out, job.base.sources.slice(1))
  await prepareFolder(dirname(resolve(out)))
  await writePlan(job, out, options)
  return openDelta(out)
}

/** Of the work: what is asked for, and the files that it is made of. A model that is made is known by what it is made of. */
async function fingerprintOfJob(
  { plan: { units, files }, base, post, madeOf }: CompressedModel,
  states: FileStates,
  { name, choice }: CompressOptions,
): Promise<string> {
  const codecs = units.map(({ name, codec, options, edit }) => [name, codec, options, edit])
  const isMade = units.some((unit) => madeFile(unit.post.file))
  const posted = new Set(files.map(({ path }) => join(post, path)))
  const read = Object.keys(states)
  const inputs = madeOf ?? (isMade ? read.filter((file) => !posted.has(file)) : [...read, ...posted])
  return fingerprintOf({ command: 'compress', version: VERSION, name, choice, codecs }, [...base.sources, ...inputs])
}

async function writePlan(job: CompressedModel, out: string, options: CompressOptions): Promise<void> {
  const { plan, base, post } = job
  const states: FileStates = {}
  for (const unit of plan.units)
    for (const file of [
      madeFile(unit.post.file)?.source ?? unit.post.file,
      ...(unit.base ? [base.fileOf(unit.base)] : []),
    ])
      states[file] ??= await fileState(file)
  const units = plan.units.map(({ post: _, plan: __, ...unit }): DeltaUnit => unit)
  const isFast = (i: number): boolean => units[i]!.codec === 'packed'
  const hashed = plan.files.filter((file) => isExactFile(file, units) && !file.units.some(isFast))
  const { name, choice } = options
  const draft: DeltaDescription = { base: name, ...(choice && { choice }), units, files: plan.files }
  const { discard = false, note = () => undefined } = options
  const fingerprint = await fingerprintOfJob(job, states, options)
  await writeDelta(out, draft, { fingerprint, discard, note }, async (writer) => {
    const hashing = hashFiles(hashed.map(({ path }) => join(post, path)))
    hashing.catch(() => undefined) // said where it is awaited
    const found = await compressUnits(plan.units, base, options, writer)
    const hashes = await hashing
    await checkUnchanged(states)
    await writer.end({
      ...draft,
      units: units.map((unit, i) => finishUnit(unit, found[i]!)),
      files: plan.files.map((file) => {
        const i = hashed.indexOf(file)
        return {
          ...file,
          ...(i < 0
            ? {
                sums: digestOfSums(
                  file.units,
                  found.map(({ sums }) => sums),
                ),
              }
            : { sha256: hashes[i]! }),
        }
      }),
    })
  })
}

async function hashFiles(files: readonly string[]): Promise<string[]> {
  const hashes: string[] = []
  for (const file of files) hashes.push(await readHash(file))
  return hashes
}

/** What the records of a unit are. */
interface UnitRecords {
  /** Whether they are all empty. */
  areEmpty: boolean
  /** Whether one of them is read with the base. */
  needBase: boolean
  /** Squared norms of what is lost, and of the delta. */
  lost: number
  moved: number
  /** Checksums of what its pieces become. */
  sums: { resultSum: string }[]
}

/** A piece of a unit, and whether it is the last one. */
interface Numbered {
  piece: UnitPiece
  i: number
  /** Its number in the unit. */
  k: number
  isLast: boolean
  /** What an earlier run finished. */
  kept: KeptPiece | undefined
}

/** Where records go. */
export interface RecordSink extends Pick<DeltaWriter, 'kept' | 'add'> {
  /** Whether changes are wanted with them. */
  changes?: boolean | undefined
  /** Told of units that their codecs do not store; by default that is an error. */
  leave?(unit: number, why: NotStored): void
}

/** Makes the records of all units, in their order. One piece: what is open of a unit is closed by the loop that ends it. */
export async function compressUnits(
  units: readonly PlannedUnit[],
  base: Base,
  options: CompressOptions,
  { kept, add, changes, leave }: RecordSink,
): Promise<UnitRecords[]> {
  const bytes = units.reduce((sum, { bytes }) => sum + bytes, 0)
  const lanes = openPieces(
    options,
    bytes,
    units.some(({ plan }) => plan?.prepare),
  )
  const all = units.map((): UnitRecords => ({ areEmpty: true, needBase: false, lost: 0, moved: 0, sums: [] }))
  const pieces = units
    .flatMap((unit, i) =>
      [...piecesOf(unit)].map((piece, k, { length }) => ({ piece, i, k, isLast: k === length - 1 })),
    )
    .map((each, number): Numbered => ({ ...each, kept: kept[number] }))
  const done = pieces.slice(0, kept.length).reduce((sum, { piece }) => sum + piece.bytes, 0)
  if (done) options.note?.(`goes on: ${amount(done)} of ${amount(bytes)} are done`)
  const sources = new Map<number, Promise<LossySource>>()
  const sourceOf = (i: number): Promise<LossySource> => {
    const source = sources.get(i) ?? units[i]!.plan!.prepare!()
    sources.set(i, source)
    return source
  }
  const close = async (i: number): Promise<void> => {
    const source = sources.get(i)
    sources.delete(i)
    await source?.then(
      (made) => made.close(),
      () => undefined,
    )
  }
  const isDone = async ({ piece, i }: Numbered, before: KeptPiece): Promise<boolean> => {
    const lane = await lanes.lease()
    return holds(lane, before, await postPiece(units[i]!, piece, base)).finally(() => lane.release())
  }
  const store = async (numbered: Numbered): Promise<StoredPiece | StoredLossy | KeptPiece> => {
    const { piece, i, k, kept } = numbered
    if (kept && (await isDone(numbered, kept))) return kept
    const source = piece.lossy ? await sourceOf(i) : null
    const lane = await lanes.lease()
    try {
      return await storePiece(lane, units[i]!, piece, { base, source, k, changes })
    } finally {
      lane.release()
    }
  }
  const work = (numbered: Numbered): Promise<StoredPiece | StoredLossy | KeptPiece | NotStored> =>
    store(numbered).catch((error: unknown) => {
      if (leave && error instanceof NotStored) return error
      throw error
    })
  try {
    let next = 0
    for await (const stored of inOrder(lanes.places + 2, pieces, work)) {
      const { piece, i, isLast } = pieces[next++]!
      if (stored instanceof NotStored) leave!(i, stored)
      else {
        await add(i, stored)
        addRecord(all[i]!, stored, piece)
      }
      if (isLast) await close(i)
      options.onBytes?.(piece.bytes, units[i]!.name, 'place' in stored)
    }
  } finally {
    for (const i of [...sources.keys()]) await close(i).catch(() => undefined)
    await lanes.close()
  }
  return all
}

function addRecord(found: UnitRecords, stored: StoredPiece | StoredLossy | KeptPiece, piece: UnitPiece): void {
  found.sums.push({ resultSum: stored.resultSum })
  const { bytes, needBase, lost = 0, moved = 0 } = 'record' in stored ? notedPiece(stored) : stored
  if (bytes || piece.lossy) found.areEmpty = false
  if (needBase) found.needBase = true
  found.lost += lost
  found.moved += moved
}

/** A unit without data where it is the base's, and without a base where no record is read with it. */
function finishUnit(unit: DeltaUnit, { areEmpty, needBase, lost, moved }: UnitRecords): DeltaUnit {
  if (lossyOf(unit)) return moved > 0 || lost === 0 ? { ...unit, error: lost && Math.sqrt(lost / moved) } : unit
  const { data: _, ...bare } = unit
  if (areEmpty) return { ...bare, codec: 'unchanged' }
  const { base: __, ...alone } = unit
  if (needBase || countPieces(alone) !== countPieces(unit)) return unit
  return unit.codec === 'packed' ? { ...alone, codec: 'lossless' } : alone
}
