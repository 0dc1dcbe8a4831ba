// `deltalab submit`: the shards of a sweep as jobs of a cluster, and a job that collects them.

import { join, resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import type { Experiment } from '../../config/index.js'
import { UserError } from '../../errors/index.js'
import { prepareFolder } from '../../files/index.js'
import { MOST_SHARDS } from '../../record/index.js'
import { quoteWord } from '../../tool/index.js'
import { CLUSTER, type ClusterArgs, jobWorkOf, openJobEngine, type SubmittedSweep } from '../cluster-flags.js'
import { note, print, printResult, startBackend, startPhase } from '../messages.js'
import { AS_JSON, checkCounts, place } from '../options.js'
import { readExperiment } from '../overrides.js'
import { SWEEP } from '../sweep-flags.js'

export const command = 'submit <config>'

export function builder(cli: Argv) {
  return cli
    .positional('config', place('YAML file of the experiment, or name of one that ships'))
    .options(SWEEP)
    .options(CLUSTER)
    .option('json', AS_JSON)
    .example('deltalab submit mine.yaml --tasks 16 --cpus 8 --mem 32G --time 4:00:00', 'a job array of Slurm')
    .example(
      'deltalab submit mine.yaml --engine kubernetes --tasks 16 --image lab/deltalab --claim data --mount /data',
      'an indexed Job of Kubernetes',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ dryRun, json, ...args }: Args): Promise<void> {
  const { tasks, cpus, jobs } = args
  checkCounts({ tasks, cpus, jobs })
  if (tasks > MOST_SHARDS) throw new UserError(`--tasks must be at most ${MOST_SHARDS}; got ${tasks}`, { exitCode: 2 })
  const submitted = new Date().toISOString()
  const engine = await openJobEngine(args, submitted)
  const experiment = await readExperiment(args.config, args)
  const shown = args.out ?? join('results', experiment.name)
  const folder = resolve(shown)
  const { nameJobs, numberRanges, submitJobs } = await import('../../cluster/index.js')
  await refuseActive(shown)
  const missing = await countRuns(experiment, folder, args)
  const shards = missing.flatMap((runs, i) => (runs ? [i + 1] : []))
  const runs = missing.reduce((sum, each) => sum + each, 0)
  const { lockFolder, shardsIn } = await import('../../record/index.js')
  if (!runs && !(await shardsIn(folder)).length)
    return printResult(json, { runs: 0, shards }, `${shown}: no run is missing; nothing is submitted\n`)
  const work = jobWorkOf(experiment, folder, shards, args)
  const files = engine.files(work).map(({ name, text }) => ({ path: join(work.jobs, name), text }))
  if (dryRun) {
    const parts = files.map(({ path, text }) => `# ${path}\n${text}\n`)
    return print(json ? `${JSON.stringify({ runs, shards, files }, null, 2)}\n` : parts.join(''))
  }
  startPhase('submit the jobs')
  const argv = process.argv.slice(2)
  const { engine: kind, namespace } = args
  const facts = { engine: kind, argv, cwd: work.cwd, submitted, ...(namespace !== undefined && { namespace }) }
  await Promise.all([work.jobs, args.logTo ?? work.jobs].map(prepareFolder))
  const lock = await lockFolder(work.jobs, 'another deltalab submit; wait for it')
  const { submission, notes } = await refuseActive(shown)
    .then(() => submitJobs(engine, work, facts))
    .finally(lock.release)
  for (const text of notes) note(text)
  const what = shards.length
    ? `${runs} runs in the shards ${numberRanges(shards)} of ${tasks}, and what collects them`
    : 'what collects the shards that are there'
  printResult(
    json,
    { ...submission, runs },
    `${nameJobs(submission)}: ${what}
deltalab status ${quoteWord(shown)}: how far they are
deltalab cancel ${quoteWord(shown)}: ends them; rows that are finished stay
`,
  )
}

/** @throws UserError while jobs of an earlier submission wait or run */
async function refuseActive(folder: string): Promise<void> {
  const { nameJobs, readSubmission, statesOf } = await import('../../cluster/index.js')
  const before = readSubmission(folder)
  if (!before || !(await statesOf(before))?.some(({ active }) => active)) return
  throw new UserError(
    `${folder}: its jobs have not ended (${nameJobs(before)}): wait for them, or end them with deltalab cancel ${quoteWord(folder)}`,
  )
}

/** How many runs of each shard have no row yet. Checks all inputs: a mistake is found now and not when the jobs start. */
async function countRuns(
  experiment: Experiment,
  folder: string,
  args: ClusterArgs & SubmittedSweep,
): Promise<number[]> {
  const { checkIdle } = await import('../../record/index.js')
  await checkIdle(folder)
  const { countMissing } = await import('../../sweep/index.js')
  const backend = { asked: args.backend, found: await startBackend(args.backend) }
  startPhase('plan the runs')
  const { retryFailed, allowCodeExecution: allowCode } = args
  return countMissing(experiment, args.tasks, { folder, backend, retryFailed, allowCode, onNote: note })
}
