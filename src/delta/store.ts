// A piece of a unit → its record, in a thread; and why a codec does not store one.
import { madeFile } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import type { FileBytes, LossyFault, LossyPost, PostPiece, StoredLossy, StoredPiece } from '../kernels/index.js'
import type { PieceLane } from '../stream/index.js'
import type { Base } from './base.js'
import { lossyOf, type UnitPiece } from './description.js'
import type { LossySource, PlannedUnit } from './plan.js'

/** A piece of a unit as a record. @throws NotStored */
export async function storePiece(
  lane: PieceLane,
  unit: PlannedUnit,
  piece: UnitPiece,
  { base, source, k, changes }: { base: Base; source: LossySource | null; k: number; changes: boolean | undefined },
): Promise<StoredPiece | StoredLossy> {
  const posted = await postPiece(unit, piece, base)
  if (!source) return lane.compress(posted)
  const { form, place } = piece.lossy!
  const { edited, scales, given: made } = source
  const given = made && { head: made.head, record: made.records[k]! }
  const width = edited?.of === 'delta' ? 4 : piece.bytes / place.size
  const part = edited && { ...edited, begin: edited.begin + width * place.from, bytes: width * place.size }
  const { codec, options } = lossyOf(unit)!
  const restores = codec.restores(options)
  const post: LossyPost = {
    ...{ lossy: { form, place, restores }, bytes: piece.bytes, base: posted.base!, post: posted.post as FileBytes },
    ...{ edited: part, scales, given, changes },
  }
  const stored = await lane.lose(post)
  if (typeof stored === 'object') return stored
  throw new NotStored(
    `tensor ${JSON.stringify(unit.name)}: ${FAULTS[stored]}, which the codec ${unit.codec} does not store`,
    stored,
  )
}

/** A codec does not store a tensor; what to do about it is said behind the reason. */
export class NotStored extends UserError {
  constructor(
    readonly reason: string,
    readonly fault: LossyFault,
    cause?: unknown,
  ) {
    super(`${reason}; leave it out (--exclude), and it is stored lossless`, { cause })
  }
}

const FAULTS: Readonly<Record<LossyFault, string>> = {
  base: 'the base has NaN or infinity in it',
  post: 'the model has NaN or infinity in it',
  range: 'numbers become too large for their format',
}

/** A piece of a unit, and what the base has of it. */
export async function postPiece(
  { codec, dtype, base, post }: PlannedUnit,
  piece: UnitPiece,
  from: Base,
): Promise<PostPiece> {
  return {
    dtype: dtype ?? null,
    bytes: piece.bytes,
    base: base && piece.base ? await from.pieceOf(base, piece.base) : null,
    post: await postBytes({ file: post.file, begin: post.begin + piece.from, bytes: piece.bytes }),
    ...((codec === 'raw' || codec === 'packed') && { codec }),
  }
}

/** Bytes of a file, where they lie; those that are made are made here. */
async function postBytes(place: FileBytes): Promise<PostPiece['post']> {
  const made = madeFile(place.file)
  if (!made) return place
  const given = new Uint8Array(place.bytes)
  await made.fill(given, place.begin)
  return { given }
}
