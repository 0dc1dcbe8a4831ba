// Slurm: the shards are a job array, and the job that collects them depends on it.
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { needTool, quoteWord, runTool } from '../tool/index.js'
import { idsIn, type JobEngine, type JobIds, type JobState, type JobWork, numberRanges, refusedRest } from './engine.js'

/** Options of sbatch. */
export interface SlurmOptions {
  time?: string | undefined
  partition?: string | undefined
  account?: string | undefined
  gres?: string | undefined
  /** Further ones, as sbatch takes them: `--qos=long`. */
  sbatch?: readonly string[]
}

const SHARDS = 'shards.sh'
const COLLECT = 'collect.sh'

/** Slurm's words for a job that has ended. */
const ENDED =
  /^(BOOT_FAIL|CANCELLED|COMPLETED|DEADLINE|FAILED|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|REVOKED|SPECIAL_EXIT|TIMEOUT)\b/

export const slurm = (options: SlurmOptions = {}): JobEngine => ({
  title: 'Slurm',
  files: (work) => [
    ...(work.shards.length ? [{ name: SHARDS, text: script(work, options, true) }] : []),
    { name: COLLECT, text: script(work, options, false) },
  ],
  async start(work, note) {
    const ids: JobIds = { shards: null, collect: null }
    if (work.shards.length) {
      ids.shards = await sbatch(join(work.jobs, SHARDS))
      await note(ids)
    }
    const after = ids.shards ? [`--dependency=afterany:${ids.shards}`] : []
    ids.collect = await sbatch(...after, join(work.jobs, COLLECT)).catch((error) => {
      throw ids.shards ? refusedRest(error, `Slurm job ${ids.shards} with the shards`, work.folder) : error
    })
    await note(ids)
    return []
  },
  async states(ids) {
    const queue = await askQueue(ids)
    return queue?.length ? queue : ((await askAccounting(ids)) ?? queue)
  },
  async cancel(ids) {
    await needTool('the jobs cannot be ended', ['scancel', ...idsIn(ids)])
  },
})

/** A batch script: of the array of shards, or of the job that collects them. */
function script(
  work: JobWork,
  { time, partition, account, gres, sbatch = [] }: SlurmOptions,
  isShard: boolean,
): string {
  const { name, jobs, cwd, program, sweep, ofShards, count, env, cpus, memory } = work
  const directives = [
    `--job-name=${name}${isShard ? '' : '-collect'}`,
    ...(isShard ? [`--array=${numberRanges(work.shards)}`] : []),
    `--output="${jobs.replaceAll('%', '%%')}/${isShard ? 'shard-%a.log' : 'collect.log'}"`,
    '--open-mode=append',
    '--requeue',
    `--cpus-per-task=${cpus}`,
    ...Object.entries({ mem: memory, time, partition, account, gres }).flatMap(([key, value]) =>
      value === undefined ? [] : [`--${key}=${value}`],
    ),
    ...sbatch,
  ]
  const what = isShard
    ? `${count} shards of the sweep ${name}: each task of the array does its share of the runs.`
    : `Collects the shards of the sweep ${name}, and does the runs that have no row.`
  const words = [...program, ...sweep, ...(isShard ? ofShards : [])].map(quoteWord)
  return [
    '#!/bin/bash',
    `# ${what}`,
    '# Written by deltalab submit.',
    ...directives.map((each) => `#SBATCH ${each}`),
    `cd ${quoteWord(cwd)} || exit`,
    ...Object.entries(env).map(([key, value]) => `export ${key}=${quoteWord(value)}`),
    `exec ${words.join(' ')}${isShard ? ` --shard "$SLURM_ARRAY_TASK_ID/${count}"` : ''}`,
    '',
  ].join('\n')
}

/** Submits a script. @returns the id of its job, without the name of the cluster that some installations add */
async function sbatch(...words: string[]): Promise<string> {
  const said = await needTool('the job cannot be submitted', ['sbatch', '--parsable', ...words])
  const [id] = /^\d+/m.exec(said) ?? []
  if (id === undefined) throw new UserError(`the job cannot be submitted: sbatch said ${JSON.stringify(said.trim())}`)
  return id
}

/** The jobs that Slurm has in its memory; null where it cannot be asked. */
async function askQueue(ids: JobIds): Promise<JobState[] | null> {
  const form = ['--noheader', '--array', '--states=all', '--format=%F|%K|%T']
  const ended = await runTool(['squeue', ...form, `--jobs=${idsIn(ids)}`])
  if (ended?.code === 0) return readStates(ended.stdout, ids)
  return ended && /invalid job id/i.test(ended.stderr) ? [] : null
}

/** The jobs that Slurm has forgotten; null where it keeps no accounts. */
async function askAccounting(ids: JobIds): Promise<JobState[] | null> {
  const form = ['--noheader', '--parsable2', '--allocations', '--array', '--format=JobID,State']
  const ended = await runTool(['sacct', ...form, `--jobs=${idsIn(ids)}`])
  if (ended?.code !== 0) return null
  return readStates(ended.stdout.replace(/^(\d+)(?:_(\d+))?\|/gm, '$1|$2|'), ids)
}

/** Lines `job|task of the array|state`. */
const readStates = (text: string, { shards }: JobIds): JobState[] =>
  text
    .split('\n')
    .map((line) => line.trim().split('|'))
    .filter(([, , state]) => state)
    .map(([job, task, state]) => ({
      shard: job === shards && /^\d+$/.test(task!) ? Number(task) : null,
      state: state!.split(' ')[0]!,
      active: !ENDED.test(state!),
    }))
