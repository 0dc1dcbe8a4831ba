// What a delta file takes, before it is written.
import { deflateSync } from 'node:zlib'
import type { StoredLossy } from '../kernels/index.js'
import { freeArrays } from '../stream/index.js'
import type { Base } from './base.js'
import { type CompressOptions, compressUnits, type RecordSink } from './compress.js'
import { countPieces, type DeltaUnit } from './description.js'
import { containerBytes } from './layout.js'
import type { DeltaPlan, PlannedUnit } from './plan.js'
import type { NotStored } from './store.js'

/** What the records of a unit take, and what they lose. */
export interface UnitSize {
  bytes: number
  /** Squared norm of what is written less the weights. */
  lost: number
  /** Why its codec does not store it; null where it does. */
  fault: NotStored | null
}

/** Is given what units with loss change, by their numbers, part after part: what is written less the weights, float32, from an entry on. */
export type ChangeTaker = (unit: number, from: number, change: Float32Array) => void

/** Bytes of records and changes that wait to be freed. */
const GARBAGE = 16e6

/** Makes the records of units to measure them. */
export async function measureUnits(
  units: readonly PlannedUnit[],
  base: Base,
  options: Omit<CompressOptions, 'name'>,
  take?: ChangeTaker,
): Promise<UnitSize[]> {
  const sizes = units.map((): UnitSize => ({ bytes: 0, lost: 0, fault: null }))
  const filled = units.map(() => 0)
  let garbage = 0
  const add: RecordSink['add'] = async (unit, piece) => {
    sizes[unit]!.bytes += 'record' in piece ? piece.record.length : piece.bytes
    const { lost = 0, change } = piece as Partial<StoredLossy>
    sizes[unit]!.lost += lost
    if (change) take!(unit, filled[unit]!, change)
    filled[unit]! += change?.length ?? 0
    garbage += ('record' in piece ? piece.record.length : 0) + (change?.byteLength ?? 0)
    if (garbage <= GARBAGE) return
    freeArrays()
    garbage = 0
  }
  const leave: RecordSink['leave'] = (unit, why) => void (sizes[unit]!.fault ??= why)
  await compressUnits(units, base, { ...options, name: '' }, { kept: [], add, leave, changes: take !== undefined })
  return sizes
}

/** What the description of a unit takes more at most when it is stored with loss: options, edit and error, deflated. */
const LOSSY = 40

/** Bytes of all that is not data of units, at most, whatever codecs they get. */
export function fixedBytes({ units, files }: DeltaPlan, name: string): number {
  const bare = units.map(({ post: _, plan: __, ...unit }): DeltaUnit => unit)
  const sha256 = Buffer.alloc(32, 'x').toString('hex')
  const text = deflateSync(
    JSON.stringify({ base: name, units: bare, files: files.map((file) => ({ ...file, sha256 })) }),
  )
  // A piece of a codec with loss may be shorter by a row.
  const pieces = bare.reduce((sum, unit) => sum + countPieces(unit) + Number(countPieces(unit) > 1), 0)
  return containerBytes(bare, pieces, text.length + 64 * files.length + LOSSY * units.length + 512)
}
