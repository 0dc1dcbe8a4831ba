// A model folder → a delta file: every file of it, to the byte, as what differs from the base.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { checkUnchanged, type FileStates, fileState, prepareFolder, takeLock } from '../files/index.js'
import { needsBase, type PostPiece, type StoredPiece } from '../kernels/index.js'
import { inOrder, openPieces, type StreamOptions } from '../stream/index.js'
import type { Base } from './base.js'
import { type Delta, openDelta, writeDelta } from './container.js'
import { countPieces, type DeltaDescription, type DeltaUnit, piecesOf, type UnitPiece } from './description.js'
import type { DeltaPlan, PlannedUnit } from './plan.js'

export interface CompressOptions extends StreamOptions {
  /** What the file calls the base. */
  name: string
  /** Replace a delta file. */
  overwrite?: boolean
  /** Told how many bytes of the model are done, and of which tensor the last ones are. */
  onBytes?: (bytes: number, name: string | undefined) => void
}

/** @throws UserError where a file is there already and may not be replaced */
export async function checkDeltaTarget(out: string, overwrite = false): Promise<void> {
  const info = await stat(out).catch(() => null)
  if (info?.isDirectory() || /[\\/]$/.test(out)) throw new UserError(`${out}: is a folder; give the name of a file`)
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

/**
 * Writes the delta file of a plan. What is stored of a unit does not depend on the number of threads.
 * @param from the plan, and what it was made of; `post` is a folder
 * @throws UserError for a name that is taken, files that change, and a full disk: nothing is left then
 */
export async function compressModel(
  { plan, base, post }: { plan: DeltaPlan; base: Base; post: string },
  out: string,
  options: CompressOptions,
): Promise<Delta> {
  await checkDeltaTarget(out, options.overwrite)
  await prepareFolder(dirname(resolve(out)))
  const release = takeLock(`${out}.lock`, () => new UserError(`${out}: is being written by another process`))
  try {
    await writePlan(plan, { base, post, out }, options)
    return await openDelta(out)
  } finally {
    release()
  }
}

async function writePlan(
  plan: DeltaPlan,
  { base, post, out }: { base: Base; post: string; out: string },
  options: CompressOptions,
): Promise<void> {
  const states: FileStates = {}
  for (const unit of plan.units)
    for (const file of [unit.post.file, ...(unit.base ? [base.fileOf(unit.base)] : [])])
      states[file] ??= await fileState(file)
  const units = plan.units.map(({ post: _, ...unit }): DeltaUnit => unit)
  const draft: DeltaDescription = {
    base: options.name,
    units,
    files: plan.files.map((each) => ({ ...each, sha256: '0'.repeat(64) })),
  }
  await writeDelta(out, draft, async (writer) => {
    const hashing = hashFiles(plan.files.map(({ path }) => join(post, path)))
    hashing.catch(() => undefined) // said where it is awaited
    const found = await compressUnits(plan.units, base, options, (unit, piece) => writer.add(unit, piece))
    const hashes = await hashing
    await checkUnchanged(states)
    await writer.end({
      ...draft,
      units: units.map((unit, i) => finishUnit(unit, found[i]!)),
      files: draft.files.map((file, i) => ({ ...file, sha256: hashes[i]! })),
    })
  })
}

async function hashFiles(files: readonly string[]): Promise<string[]> {
  const hashes: string[] = []
  for (const file of files) {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>)
      hash.update(chunk)
    hashes.push(hash.digest('hex'))
  }
  return hashes
}

/** What the records of a unit are. */
interface UnitRecords {
  /** Whether they are all empty. */
  areEmpty: boolean
  /** Whether one of them is read with the base. */
  needBase: boolean
}

async function compressUnits(
  units: readonly PlannedUnit[],
  base: Base,
  options: CompressOptions,
  add: (unit: number, piece: StoredPiece) => Promise<void>,
): Promise<UnitRecords[]> {
  const lanes = openPieces(
    options,
    units.reduce((sum, { bytes }) => sum + bytes, 0),
  )
  const all = units.map((): UnitRecords => ({ areEmpty: true, needBase: false }))
  const pieces = units.flatMap((unit, i) => [...piecesOf(unit)].map((piece) => ({ piece, i })))
  const work = async ({ piece, i }: (typeof pieces)[number]): Promise<StoredPiece> => {
    const lane = await lanes.lease()
    try {
      return await lane.compress(await postPiece(units[i]!, piece, base))
    } finally {
      lane.release()
    }
  }
  try {
    let next = 0
    for await (const stored of inOrder(lanes.jobs + 2, pieces, work)) {
      const { piece, i } = pieces[next++]!
      await add(i, stored)
      if (stored.record.length) all[i]!.areEmpty = false
      if (needsBase(stored.record)) all[i]!.needBase = true
      options.onBytes?.(piece.bytes, units[i]!.name)
    }
  } finally {
    await lanes.close()
  }
  return all
}

async function postPiece({ dtype, base, post }: PlannedUnit, piece: UnitPiece, from: Base): Promise<PostPiece> {
  return {
    dtype: dtype ?? null,
    bytes: piece.bytes,
    base: base && piece.base ? await from.pieceOf(base, piece.base) : null,
    post: { file: post.file, begin: post.begin + piece.from, bytes: piece.bytes },
  }
}

/** A unit without data where it is the base's, and without a base where no record is read with it. */
function finishUnit(unit: DeltaUnit, { areEmpty, needBase }: UnitRecords): DeltaUnit {
  const { data: _, ...bare } = unit
  if (areEmpty) return { ...bare, codec: 'unchanged' }
  const { base: __, ...alone } = unit
  return needBase || countPieces(alone) !== countPieces(unit) ? unit : alone
}
