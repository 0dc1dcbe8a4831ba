// The streaming engine: tensors, and blocks of large ones, through worker threads in bounded memory.

export { beginThreads, endBegun } from './begin.js'
export {
  checkRoom,
  checkStream,
  MEMORY_BOUND,
  mostThreads,
  PROGRAM_BYTES,
  type StreamOptions,
  tooSmall,
} from './bound.js'
export { type ChoiceMemory, openChoices } from './choices.js'
export {
  leastPieces,
  leastStream,
  openPieces,
  openStream,
  type StreamEngine,
  type StreamedTensors,
  stayingBytes,
} from './engine.js'
export { freeArrays } from './garbage.js'
export { inputChecksum, readRest } from './inputs.js'
export type { Lane, PieceLane } from './lanes.js'
export type { MadePiece } from './made.js'
export { inOrder, inParallel, largestFirst } from './parallel.js'
export { BACKEND_BYTES, checkMemory, cutTensor, leastMemory, runParts, type TensorRows } from './parts.js'
export { answerTasks, runTasks, type ThreadTask } from './pool.js'
export { openProgress, type TensorProgress, type WrittenTensor } from './progress.js'
export { readInto } from './read.js'
export { runTensor, type TensorJob, type TensorSource } from './tensor.js'
