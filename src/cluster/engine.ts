// What an engine of a cluster does for a sweep: it starts the shards, and what collects them, and says how they are.
import { UserError } from '../errors/index.js'
import { quoteWord } from '../tool/index.js'

/** What the engine is to start. Paths are absolute. */
export interface JobWork {
  /** Name of the experiment. */
  name: string
  /** Results folder. */
  folder: string
  /** Folder of the scripts and logs. */
  jobs: string
  /** Current folder of the commands. */
  cwd: string
  /** What the jobs read and write beside these folders, by what it is. */
  paths: readonly (readonly [what: string, path: string])[]
  /** Words that call this program on the machines of the cluster. */
  program: readonly string[]
  /** Words of the sweep, without the shard. */
  sweep: readonly string[]
  /** Words that only a shard has. */
  ofShards: readonly string[]
  /** Number of shards, and those of them that are to be started, from 1. */
  count: number
  shards: readonly number[]
  /** Variables of the environment. */
  env: Readonly<Record<string, string>>
  /** Number of processor cores of each shard. */
  cpus: number
  /** Memory of each, in the engine's words. */
  memory?: string | undefined
}

/** A script or manifest of an engine. */
interface JobFile {
  name: string
  text: string
}

/** The jobs that an engine knows by these ids; null where there is none. */
export interface JobIds {
  shards: string | null
  collect: string | null
}

/** How a job is. */
export interface JobState {
  /** Number of the shard; null for the job that collects, and for shards that the engine does not tell apart. */
  shard: number | null
  /** In the engine's words. */
  state: string
  /** Whether it waits or runs. */
  active: boolean
}

/** What an engine says of jobs, and does to them, that are started. */
export interface JobQueue {
  /** Its name in sentences. */
  title: string
  /** States of the jobs; those that the engine has forgotten are not among them; null where it cannot be asked here. */
  states(ids: JobIds): Promise<JobState[] | null>
  /** Ends the jobs. @throws UserError when the engine refuses */
  cancel(ids: JobIds): Promise<void>
}

export interface JobEngine extends JobQueue {
  files(work: JobWork): JobFile[]
  /**
   * Starts the jobs of the files. @param note is told the ids as soon as there are some
   * @returns sentences about what is to be done by hand
   * @throws UserError when the engine refuses; it names what was started all the same
   */
  start(work: JobWork, note: (ids: JobIds) => Promise<void>): Promise<string[]>
}

/** The error of an engine that has taken a part of the jobs and refuses the rest. @param part names what was taken */
export const refusedRest = (cause: unknown, part: string, folder: string): UserError =>
  new UserError(
    `${(cause as Error).message}; ${part} was started all the same: deltalab cancel ${quoteWord(folder)} ends it; if it runs on, deltalab sweep collects its rows`,
    { cause },
  )

/** The ids of the jobs that there are. */
export const idsIn = ({ shards, collect }: JobIds): string[] => [shards, collect].filter((id) => id !== null)

/** Numbers in their order, as `1-4,7`. */
export function numberRanges(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = []
  for (const number of numbers) {
    const range = ranges.at(-1)
    if (range?.[1] === number - 1) range[1] = number
    else ranges.push([number, number])
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}
