// What a delta file takes, before it is written.
import { deflateSync } from 'node:zlib'
import type { Base } from './base.js'
import { type CompressOptions, compressUnits } from './compress.js'
import { containerBytes, type DeltaWriter } from './container.js'
import { countPieces, type DeltaUnit } from './description.js'
import type { DeltaPlan } from './plan.js'

/** Bytes of the records of each unit, made to be counted. */
export async function unitBytes(
  { units }: DeltaPlan,
  base: Base,
  options: Omit<CompressOptions, 'name'>,
): Promise<number[]> {
  const sizes = units.map(() => 0)
  const add: DeltaWriter['add'] = async (unit, piece) =>
    void (sizes[unit]! += 'record' in piece ? piece.record.length : piece.bytes)
  await compressUnits(units, base, { ...options, name: '' }, { kept: [], add })
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
