// The jobs that were submitted for a results folder, as its `jobs` folder tells of them.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { prepareFolder, writeWhole } from '../files/index.js'
import { readText } from '../schema/index.js'
import { idsIn, type JobEngine, type JobIds, type JobQueue, type JobState, type JobWork } from './engine.js'
import { kubernetesQueue } from './kubernetes.js'
import { slurm } from './slurm.js'

const ENGINES = ['slurm', 'kubernetes'] as const

const submissionSchema = z.strictObject({
  engine: z.enum(ENGINES),
  /** Ids of the jobs; null where there is none. */
  jobs: z.strictObject({ shards: z.string().nullable(), collect: z.string().nullable() }),
  /** Of Kubernetes. */
  namespace: z.string().optional(),
  /** Number of shards, and those that were started. */
  tasks: z.number().int(),
  shards: z.array(z.number().int()),
  /** Words of the command, and its current folder. */
  argv: z.array(z.string()),
  cwd: z.string(),
  /** When, ISO 8601. */
  submitted: z.string(),
})

/** The latest submission of a results folder: jobs/submission.json. */
export interface Submission extends z.infer<typeof submissionSchema> {}

/** Folder of the scripts, the logs and the submission. */
const jobsFolder = (folder: string): string => join(folder, 'jobs')

const pathOf = (folder: string): string => join(jobsFolder(folder), 'submission.json')

/** @returns null where nothing was submitted. @throws UserError for a file that this version does not read */
export function readSubmission(folder: string): Submission | null {
  const path = pathOf(folder)
  if (!existsSync(path)) return null
  try {
    return submissionSchema.parse(JSON.parse(readText(path)))
  } catch (cause) {
    throw new UserError(`${path} is not a submission that this version of deltalab reads`, { cause })
  }
}

const queueOf = ({ engine, namespace }: Submission): JobQueue =>
  engine === 'slurm' ? slurm() : kubernetesQueue(namespace)

/** How the jobs of a submission are; null where the engine cannot be asked here. */
export const statesOf = (submission: Submission): Promise<JobState[] | null> =>
  queueOf(submission).states(submission.jobs)

/** Ends the jobs of a submission. @throws UserError when the engine refuses */
export const cancelJobs = (submission: Submission): Promise<void> => queueOf(submission).cancel(submission.jobs)

/** `Slurm jobs 12 and 13`. */
export function nameJobs(submission: Submission): string {
  const ids = idsIn(submission.jobs)
  return `${queueOf(submission).title} job${ids.length > 1 ? 's' : ''} ${ids.join(' and ')}`
}

/**
 * Writes the scripts and starts the jobs. The ids are on the disk as soon as the engine has given them.
 * @returns the submission, and sentences about what is to be done by hand
 * @throws UserError when the engine refuses
 */
export async function submitJobs(
  engine: JobEngine,
  work: JobWork,
  facts: Omit<Submission, 'jobs' | 'tasks' | 'shards'>,
): Promise<{ submission: Submission; notes: string[] }> {
  const files = engine.files(work)
  await prepareFolder(work.jobs)
  for (const { name, text } of files) await writeWhole(join(work.jobs, name), text)
  let jobs: JobIds = { shards: null, collect: null }
  const submission = (): Submission => ({ ...facts, jobs, tasks: work.count, shards: [...work.shards] })
  const note = async (ids: JobIds) => {
    jobs = { ...ids }
    await writeWhole(pathOf(work.folder), `${JSON.stringify(submission(), null, 2)}\n`)
  }
  const notes = await engine.start(work, note)
  return { submission: submission(), notes }
}
