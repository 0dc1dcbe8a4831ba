// Pieces of tensors that are stored with loss: what is asked of a machine, and what it answers.
import type { LossyForm, LossyPlace } from './lossy-form.js'
import type { FileBytes } from './pass.js'
import type { BasePiece, PieceFault, RestoredPiece, StoredPiece } from './piece.js'

/** A piece of a tensor that is stored with loss. */
export interface LossyPiece {
  form: LossyForm
  place: LossyPlace
  /** Whether entries that the edit leaves alone are those of the post-trained model, to the bit. */
  restores: boolean
}

/** Such a piece to be stored. */
export interface LossyPost {
  lossy: LossyPiece
  bytes: number
  base: BasePiece
  post: FileBytes
  /** The edited delta in float32, or the edited weights; null where it is the delta. */
  edited: (FileBytes & { of: 'delta' | 'weights' }) | null
  scales: Float32Array | null
  /** The record, and the head of the first one of the tensor, where they are made already. */
  given: { head: Uint8Array; record: Uint8Array } | null
  /** Whether the change is wanted, too. */
  changes?: boolean | undefined
}

/** What it is stored as, and what it loses: squared norms of what is written less the weights, and of the delta. */
export interface StoredLossy extends StoredPiece {
  lost: number
  moved: number
  /** What is written less the weights, float32, where it was asked for. */
  change?: Float32Array
}

/** A piece to be written. */
export type RestoredLossy = Omit<RestoredPiece, 'base'> & {
  lossy: LossyPiece
  base: BasePiece
  /** Where the first record of the tensor begins. */
  first: { file: string; begin: number }
}

/** Why a piece is not stored: NaN or infinity in an input, or numbers that become too large for their format. */
export type LossyFault = 'base' | 'post' | 'range'

export interface LossyMachine {
  compress(piece: LossyPost): StoredLossy | LossyFault
  restore(piece: RestoredLossy): PieceFault
}
