// A piece of a delta file as a thread makes it again: its record, what the base has of it, and what is said where that does not go.
import { UserError } from '../errors/index.js'
import type { RestoredLossy, RestoredPiece } from '../kernels/index.js'
import type { Base } from './base.js'
import type { Delta, PlacedPiece } from './container.js'
import type { UnitPiece } from './description.js'

/** A piece of a delta file. */
export interface DeltaPiece {
  /** Number of its unit. */
  unit: number
  piece: UnitPiece
  stored: PlacedPiece
  /** Where the first record with the head of its records begins. */
  first: number
}

/** What a thread is asked for, but for where it goes. */
export async function restoredPiece(
  { unit: i, piece, stored, first }: DeltaPiece,
  { delta, base }: { delta: Delta; base: Pick<Base, 'pieceOf'> },
): Promise<Omit<RestoredPiece, 'to'> | Omit<RestoredLossy, 'to'>> {
  const { file, units } = delta
  const { dtype = null, base: whole } = units[i]!
  const { begin, bytes, ...sums } = stored
  const own = whole && piece.base ? await base.pieceOf(whole, piece.base) : null
  const restored = { dtype, bytes: piece.bytes, base: own, record: { file, begin, bytes }, sums }
  const { lossy } = piece
  return lossy
    ? { ...restored, base: own!, lossy: { ...lossy, restores: false }, first: { file, begin: first } }
    : restored
}

/** What is said where a piece cannot be made. */
export const faultOf = (
  fault: 'base' | 'record',
  { delta, base }: { delta: Delta; base: Pick<Base, 'name'> },
  name: string,
): UserError =>
  new UserError(
    fault === 'base'
      ? `${base.name}: is not the base of ${delta.file}: its bytes differ in ${name}`
      : `${delta.file}: is damaged in ${name}`,
  )
