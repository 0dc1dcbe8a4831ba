// A sweep: opens and checks the inputs, plans the runs, and executes the plan.
import os from 'node:os'
import type { Experiment } from '../config/index.js'
import { runsCode } from '../evaluate/index.js'
import { checkWritable, KEEP_NOTHING } from '../files/index.js'
import {
  DEFINITIONS,
  divideRuns,
  estimateRuns,
  hashInputs,
  hashPlan,
  type InputHashes,
  locateModels,
  type ModelInputs,
  openInputs,
  plannedTasks,
  planRuns,
  type Run,
} from '../plan/index.js'
import { type Meta, readEnvironment } from '../record/index.js'
import { modulesOf, type Plugin } from '../registry/index.js'
import { keptIn } from '../run/index.js'
import { openSandbox, type Task } from '../tasks/index.js'
import { executePlan, missingIds, type SweepOutcome, type SweepSettings } from './execute.js'

/** What an experiment is in full: its inputs were opened, checked and hashed. */
interface Planned {
  experiment: Experiment
  inputs: ModelInputs[]
  runs: Run[]
  hashes: InputHashes
}

async function planSweep(
  given: Experiment,
  options: Pick<SweepSettings, 'folder' | 'allowCode' | 'onNote'>,
  kept = keptIn(options.folder),
): Promise<Planned> {
  await checkWritable(options.folder)
  const inputs = await openInputs(given, { ...options, kept })
  const experiment = locateModels(given, inputs)
  for (const text of new Set(
    inputs.flatMap(({ tasks }) => tasks.flatMap(({ task }) => describeShort(experiment, task))),
  ))
    options.onNote?.(text)
  for (const { pair, left } of inputs) for (const text of left) options.onNote?.(`${pair.name}: ${text}`)
  // If programs cannot be isolated on this machine, fail now and not in every run.
  if (experiment.score && inputs.some(({ tasks }) => tasks.some(({ task }) => runsCode(task)))) openSandbox()
  const runs = planRuns(experiment, inputs.map(plannedTasks))
  return { experiment, inputs, runs, hashes: await hashInputs(inputs) }
}

/** Says of a task that it has fewer items than are asked for. */
function describeShort({ score, loss }: Experiment, { name, items: { length } }: Task): string[] {
  const sections = Object.entries({ score, loss }).flatMap(([section, wanted]) =>
    wanted && wanted.items > length ? [`${section} asks for ${wanted.items}`] : [],
  )
  return sections.length ? [`${name} has ${length} items, and all are used: ${sections.join(', ')}`] : []
}

/** The runs in so many shares. */
async function divide({ experiment, inputs, runs }: Planned, count: number): Promise<Run[][]> {
  const flops = await estimateRuns(experiment, inputs, runs)
  return divideRuns(runs, ({ id }) => flops.get(id) ?? 0, count)
}

/**
 * Runs an experiment, or one share of it, into a results folder, or resumes it: runs that have a row there are not repeated. Rows do not
 * depend on `jobs` (unless given, one for each core where that is quicker), on shares, on interruptions, on what the folder held before, or on the order in which runs end.
 * @throws UserError before any work when inputs are wrong or the folder holds another experiment
 */
export async function runSweep(
  given: Experiment,
  { jobs: asked, ...others }: Omit<SweepSettings, 'jobs'> & { jobs?: number | undefined },
): Promise<SweepOutcome> {
  const planned = await planSweep(given, others)
  const { experiment, inputs, hashes } = planned
  const options = { ...others, jobs: asked ?? usualJobs(given, inputs, others) }
  const { shard } = options
  const runs = shard ? (await divide(planned, shard.count))[shard.index - 1]! : planned.runs
  const meta = gatherMeta(planned, options, runs)
  return executePlan(experiment, runs, { meta, dependencies: hashes.of, contents: hashes.contents }, options)
}

/**
 * How many runs of each of `count` shares have no row in the results folder or in one of its shards. Nothing is written.
 * @throws UserError as `runSweep` does
 */
export async function countMissing(
  given: Experiment,
  count: number,
  options: Pick<SweepSettings, 'folder' | 'backend' | 'retryFailed' | 'allowCode' | 'onNote'>,
): Promise<number[]> {
  const planned = await planSweep(given, options, KEEP_NOTHING)
  const { experiment, runs, hashes } = planned
  const meta = gatherMeta(planned, { ...options, jobs: 1 }, runs)
  const missing = await missingIds(
    experiment,
    runs,
    { meta, dependencies: hashes.of, contents: hashes.contents },
    options,
  )
  return (await divide(planned, count)).map((share) => share.filter(({ id }) => missing.has(id)).length)
}

/** A pass of TensorFlow over a model of more parameters keeps all cores busy by itself. */
const SMALL = 20e6

/** One thread for each core, unless the code cannot leave this thread, or one run uses all cores or the graphics card. */
function usualJobs(
  { registry }: Experiment,
  inputs: readonly ModelInputs[],
  { backend: { found }, cores = os.availableParallelism() }: Pick<SweepSettings, 'backend' | 'cores'>,
): number {
  const { name, gpu } = found
  const isAlone = !modulesOf(registry) || Boolean(gpu)
  const isLarge = name === 'tensorflow' && inputs.some(({ parameters }) => parameters > SMALL)
  return isAlone || isLarge ? 1 : cores
}

function gatherMeta(
  { experiment, inputs: models, runs: all, hashes }: Planned,
  { backend, jobs, shard }: Pick<SweepSettings, 'backend' | 'jobs' | 'shard'>,
  runs: readonly Run[],
): Meta {
  const tasks = models.flatMap((model) =>
    model.tasks.map(({ task }) => [task.name, { version: task.version, items: task.items.length }] as const),
  )
  return {
    experiment: experiment.name,
    config_hash: hashPlan(runs),
    inputs: hashes.hashes,
    tasks: Object.fromEntries(tasks),
    definitions: { ...DEFINITIONS },
    backend: { name: backend.found.name, package: backend.found.package },
    environment: readEnvironment(),
    jobs,
    runs: runs.length,
    ...(shard && { whole: all.length }),
    failed: 0,
    ...(experiment.registry.plugins.length && { plugins: experiment.registry.plugins.map(describePlugin) }),
    started: new Date().toISOString(),
    finished: null,
  }
}

/** The entry of a plugin in meta.json. */
function describePlugin({ name, sha256, contributions }: Plugin): NonNullable<Meta['plugins']>[number] {
  const named = (kind: string) => contributions.flatMap((each) => (each.kind === kind ? [each.value.name] : []))
  const editors = contributions.flatMap((each) => (each.kind === 'editor' ? [each.value] : []))
  return {
    name,
    sha256,
    editors: Object.fromEntries(editors.map((editor) => [editor.name, { axis: editor.axis }])),
    mergers: named('merger'),
    tasks: named('task'),
  }
}
