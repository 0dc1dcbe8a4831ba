// The bound of memory of tensors with loss: threads that edit, threads that store pieces, and singular vectors, which need whole matrices.
import type { DeltaPlan } from '../delta/index.js'
import {
  checkRoom,
  leastPieces,
  leastStream,
  MEMORY_BOUND,
  PROGRAM_BYTES,
  type StreamedTensors,
  tooSmall,
} from '../stream/index.js'

/** Tensors whose singular vectors are sought, with the bytes that each takes. */
export type Factorised = readonly { name: string; bytes: number }[]

/** What is edited of units. */
export const editedTensors = (units: DeltaPlan['units']): StreamedTensors =>
  units.filter(({ plan }) => plan?.prepare).map(({ shape = [] }) => ({ shape, models: 1, computed: 0 }))

/** The least bound for tensors of these shapes, without singular vectors. */
export const leastLossy = (tensors: StreamedTensors): number => leastStream(tensors) + leastPieces(true) - PROGRAM_BYTES

/** Bytes that there may be for the singular vectors of a tensor. */
export const factorRoom = (memory: number): number => memory - leastPieces(true)

const NEED = { what: 'its singular vectors need', instead: 'leave it out with --exclude' }

/**
 * Bounds of the threads of edits and of those of pieces.
 * @throws UserError for a bound that is too small, with the least that would do
 */
export function splitMemory(
  tensors: StreamedTensors,
  factors: Factorised,
  memory = MEMORY_BOUND,
): { edits: number; pieces: number } {
  if (!tensors.length) return { edits: memory, pieces: memory }
  // Half of the bound is for edits, or as much as they need, and what they leave for pieces.
  const edits = Math.max(memory / 2, leastStream(tensors))
  // Threads of edits end before singular vectors are sought; those of pieces stay.
  const wide = factors.filter(({ bytes }) => bytes > edits - PROGRAM_BYTES)
  checkRoom(wide, { room: factorRoom(memory), memory }, NEED)
  const pieces = Math.min(memory - (edits - PROGRAM_BYTES), ...factors.map(({ bytes }) => memory - bytes))
  if (pieces < leastPieces(true)) throw tooSmall(memory, memory - pieces + leastPieces(true))
  return { edits, pieces }
}
