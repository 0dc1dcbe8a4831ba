// WebAssembly kernels on plain memory, without TensorFlow.js: what workers compute with, and the passes that it is described by.

export { joined, type PassAnswer } from './answer.js'
export type { Bands, StoredBand, Triplets } from './bands.js'
export { addChecksums, type ByteMachine } from './checksum.js'
export { isChoice } from './choices.js'
export { BIN_SHIFT, BINS, readComparison } from './comparison.js'
export { type Grid, gridOf, snap } from './grid.js'
export * from './key.js'
export { findLargest, searchCuts } from './largest.js'
export { choicesBytes, LONGEST_ROW, residentBytes, stripOf, workingBytes } from './layout.js'
export { makePieceMachine } from './lossless.js'
export { LOSSY_MEMORY, makeLossyMachine } from './lossy.js'
export {
  encodeBands,
  encodeBandsHead,
  holdsWeights,
  type LossyForm,
  type LossyPlace,
  lossyBytes,
  mostLossyBytes,
} from './lossy-form.js'
export * from './lossy-piece.js'
export { makeMachine } from './machine.js'
export { type Gemm, hasFusedProducts, instantiate, type Kernels } from './module.js'
export { normals } from './normals.js'
export * from './pass.js'
export { PassError } from './pass-error.js'
export { floatOf } from './pattern.js'
export {
  type BasePiece,
  baseBytes,
  isComparable,
  PIECE_BYTES,
  type PieceFault,
  type PieceMachine,
  type PostPiece,
  pieceBytes,
  type RestoredPiece,
  type StoredPiece,
} from './piece.js'
export { PIECE_MEMORY } from './piece-memory.js'
export { needsBase } from './piece-records.js'
export * from './program.js'
export { runsOf } from './runs.js'
export * from './seeds.js'
export { columnsOf, countEntries } from './shape.js'
export { asShared } from './shared.js'
export { BadValue, decodeValues, encodeValues, VALUE_BYTES, type ValueFormat } from './values.js'
export { Workspace } from './workspace.js'
