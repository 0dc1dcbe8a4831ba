// What bounds the work of a command, threads and memory, and what is said of a bound that is too small.
import { availableParallelism } from 'node:os'
import { UserError } from '../errors/index.js'

export interface StreamOptions {
  /** Threads; by default one per core. */
  jobs?: number | undefined
  /** Bound in bytes for the whole process. Default 1 GB. */
  memory?: number | undefined
}

/** The bound of memory where none is given. */
export const MEMORY_BOUND = 1e9
/** What the program itself takes, before a tensor is read. */
export const PROGRAM_BYTES = 135e6
/** What a thread takes besides its memory. */
export const BESIDES = 24e6
/** Least memory of a thread that is of use. */
export const LEAST_THREAD = 16e6

/** So many threads at most, whatever they work on. */
export const mostThreads = ({ jobs = availableParallelism(), memory = MEMORY_BOUND }: StreamOptions): number =>
  Math.min(jobs, Math.floor((memory - PROGRAM_BYTES) / (BESIDES + LEAST_THREAD)))

/** @throws UserError for a number of threads that is not 1, 2, …, and for a bound of memory that is no positive number */
export function checkStream({ jobs = 1, memory = MEMORY_BOUND }: StreamOptions): void {
  if (!(Number.isSafeInteger(jobs) && jobs > 0)) throw new UserError(`jobs must be a positive integer; got ${jobs}`)
  if (!(memory > 0)) throw new UserError(`memory must be a positive number of bytes; got ${memory}`)
}

/** Entries of all tensors together below which threads would take longer to start than they save. */
const LITTLE = 1 << 22

/** Whether work on so many entries is done in the thread of the program. @param jobs threads that the user asks for */
export const isLittle = (entries: number, jobs = 1): boolean => jobs === 1 && entries < LITTLE

const megabytes = (bytes: number): string => (bytes < 1e6 ? `${bytes / 1e3}KB` : `${Math.ceil(bytes / 1e6)}MB`)

/** What is said of a bound on memory. @param least bytes that would do @param why as a half sentence, or empty */
export const tooSmall = (memory: number, least: number, why = ''): UserError =>
  new UserError(`--memory ${megabytes(memory)} is too small${why}; ${megabytes(least)} would do`)

/** What needs whole matrices, and how to do without. */
export interface MatrixNeed {
  /** Subject and verb of what is said. */
  what: string
  /** What the user may do instead. */
  instead: string
}

/**
 * @param tasks with the bytes that each takes
 * @param room bytes for a task, of those of the bound
 * @throws UserError for a bound that is too small for one of the tasks, with the least that would do
 */
export function checkRoom(
  tasks: readonly { name: string; bytes: number }[],
  { room, memory }: { room: number; memory: number },
  { what, instead }: MatrixNeed,
): void {
  const { name, bytes } = tasks.reduce((one, two) => (two.bytes > one.bytes ? two : one), { name: '', bytes: 0 })
  if (!tasks.length || bytes <= room) return
  throw new UserError(
    `${name}: ${what} the whole matrix in memory: --memory ${megabytes(memory)} is too small, ` +
      `${megabytes(memory + bytes - room)} would do; or ${instead}`,
  )
}
