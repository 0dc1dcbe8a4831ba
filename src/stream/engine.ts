// The engine: threads that run passes over tensors. Each has a memory of its own; together they stay within the bound.
import { availableParallelism } from 'node:os'
import {
  columnsOf,
  countEntries,
  LOSSY_MEMORY,
  PIECE_BYTES,
  PIECE_MEMORY,
  residentBytes,
  stripOf,
  workingBytes,
} from '../kernels/index.js'
import {
  BESIDES,
  checkStream,
  isLittle,
  LEAST_THREAD,
  MEMORY_BOUND,
  PROGRAM_BYTES,
  type StreamOptions,
  tooSmall,
} from './bound.js'
import { type ChoiceMemory, openChoices } from './choices.js'
import { type Lanes, openLanes, type PieceLane } from './lanes.js'
import { startThread, useOwnThread } from './thread.js'

/** Threads for the passes of a command. */
export interface StreamEngine extends Lanes {
  /** Bytes of memory of each thread. */
  readonly bytes: number
  /** Entries of one block, about: what a thread does at a time, and what is done again after an interruption. */
  readonly block: number
  /** Memory for what is chosen at random. */
  readonly choices: ChoiceMemory
}

/** The least bound that is of use. */
export const LEAST_MEMORY = PROGRAM_BYTES + BESIDES + LEAST_THREAD
/** Share of the memory that threads could do without, for choices that are kept. */
const CHOICES = 1 / 8
/** Above 4 GiB a WebAssembly memory cannot grow. */
const MOST = 2 ** 32 - 65536

/** Entries of a block, about: where all inputs are read by the threads, and where some are computed for them. */
const BLOCK = { read: 1 << 22, computed: 1 << 20 }
/** Bytes for an entry of a computed input: its value, and what it is made of. */
const COMPUTED = 8
/** Bytes of computed inputs that a thread, this one too, has done with before it gives them back. */
const DONE_WITH = 40e6

/** The tensors that a command works on: shapes, how many models are read at a time, and how many inputs are computed, the base among them. */
export type StreamedTensors = readonly { shape: readonly number[]; models: number; computed: number }[]

/** The least bound for one thread that works on any of these tensors, strip by strip. */
export function leastStream(tensors: StreamedTensors = []): number {
  const { own, besides } = layOut(tensors)
  return own + besides + leastOf(tensors)
}

/** The size of a block, and bytes that are no memory of threads: of this one, and of each other. */
function layOut(tensors: StreamedTensors): { block: number; own: number; besides: number } {
  let most = 0
  for (const { computed } of tensors) most = Math.max(most, computed)
  if (!most) return { block: BLOCK.read, own: PROGRAM_BYTES, besides: BESIDES }
  const besides = BESIDES + DONE_WITH + COMPUTED * BLOCK.computed * most
  return { block: BLOCK.computed, own: PROGRAM_BYTES + DONE_WITH, besides }
}

/** Bytes of memory that a thread must have for that. */
function leastOf(tensors: StreamedTensors): number {
  let least = LEAST_THREAD
  for (const { shape, models } of tensors) {
    const columns = columnsOf(shape)
    least = Math.max(least, workingBytes(stripOf(columns), columns, models))
  }
  return least
}

/** Bytes of memory with which the values of a tensor stay there from pass to pass. */
export function stayingBytes(shape: readonly number[], models: number): number {
  const columns = columnsOf(shape)
  const strip = stripOf(columns)
  return residentBytes(countEntries(shape), strip, models) + workingBytes(strip, columns, models)
}

/**
 * Threads start when they are first needed; fewer than asked for where the memory does not do for all. Little work is done in the thread
 * of the program.
 * @param tensors all that it works on; null where that is not known
 * @param places tasks that hold a thread at a time, of inputs that are read by threads: 2 where no program keeps values in its memory
 * @throws UserError for numbers that are no bounds, and for a bound that is too small for one thread, with the least that would do
 */
export function openStream(
  { jobs, memory = MEMORY_BOUND }: StreamOptions = {},
  tensors: StreamedTensors | null = null,
  places: 1 | 2 = 1,
): StreamEngine {
  checkStream({ jobs, memory })
  const known = tensors ?? []
  if (memory < leastStream(known)) throw tooSmall(memory, leastStream(known))
  const { block, own, besides } = layOut(known)
  const isRead = block === BLOCK.read
  if (
    tensors &&
    isLittle(
      tensors.reduce((sum, { shape }) => sum + countEntries(shape), 0),
      jobs,
    )
  ) {
    const most = tensors.map(({ shape, models }) => stayingBytes(shape, models))
    const bytes = Math.min(MOST, memory - own, Math.max(LEAST_THREAD, ...most))
    return { bytes, block, choices: openChoices(0), ...openLanes(1, () => useOwnThread(bytes)) }
  }
  const most = Math.floor((memory - own) / (besides + leastOf(known)))
  const fitting = Math.min(jobs ?? availableParallelism(), most)
  const choices = CHOICES * (memory - own - fitting * (besides + leastOf(known)))
  const bytes = Math.min(MOST, (memory - own - choices) / fitting - besides)
  return {
    bytes,
    block,
    choices: openChoices(choices),
    ...openLanes(fitting, () => startThread(bytes), isRead ? places : 1),
  }
}

/** What the thread of the program and each other take for pieces, besides their memory: records on their way. */
const RECORDS = 4 * PIECE_BYTES

/** The least bound for one thread for pieces. @param loses whether some of them are stored with loss */
export const leastPieces = (loses: boolean): number => PROGRAM_BYTES + threadOfPieces(loses)

const threadOfPieces = (loses: boolean): number => BESIDES + PIECE_MEMORY + RECORDS + (loses ? LOSSY_MEMORY : 0)

/**
 * Threads for pieces of files alone.
 * @param bytes of all pieces together
 * @param loses whether some of them are stored with loss
 * @throws UserError as openStream
 */
export function openPieces(
  { jobs, memory = MEMORY_BOUND }: StreamOptions,
  bytes: number,
  loses = false,
): Lanes<PieceLane> {
  checkStream({ jobs, memory })
  const each = threadOfPieces(loses)
  if (memory < leastPieces(loses)) throw tooSmall(memory, leastPieces(loses))
  const fitting = Math.min(jobs ?? availableParallelism(), Math.floor((memory - PROGRAM_BYTES) / each))
  if (isLittle(bytes, jobs)) return openLanes(1, () => useOwnThread(LEAST_THREAD))
  return openLanes(fitting, () => startThread(LEAST_THREAD), 2)
}
