// A sweep: opens and checks the inputs, plans the runs, and executes the plan.
import os from 'node:os'
import type { Experiment } from '../config/index.js'
import { runsCode } from '../evaluate/index.js'
import {
  DEFINITIONS,
  hashInputs,
  hashPlan,
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
import { openSandbox } from '../tasks/index.js'
import type { BackendInfo } from '../tensor/index.js'
import { executePlan, type SweepOutcome, type SweepSettings } from './execute.js'

/**
 * Runs an experiment into a results folder, or resumes it: runs that have a row there are not repeated. Rows do not
 * depend on `jobs` (unless given, one for each core where that is quicker), on interruptions, on what the folder held before, or on the order in which runs end.
 * @throws UserError before any work when inputs are wrong or the folder holds another experiment
 */
export async function runSweep(
  given: Experiment,
  { jobs: asked, ...others }: Omit<SweepSettings, 'jobs'> & { jobs?: number | undefined },
): Promise<SweepOutcome> {
  const inputs = await openInputs(given, { ...others, kept: keptIn(others.folder) })
  const options = { ...others, jobs: asked ?? usualJobs(given, inputs, others.backend.found) }
  const experiment = locateModels(given, inputs)
  for (const { pair, left } of inputs) for (const text of left) options.onNote?.(`${pair.name}: ${text}`)
  // If programs cannot be isolated on this machine, fail now and not in every run.
  if (experiment.score && inputs.some(({ tasks }) => tasks.some(({ task }) => runsCode(task)))) openSandbox()
  const runs = planRuns(experiment, inputs.map(plannedTasks))
  const hashes = await hashInputs(inputs)
  const meta = gatherMeta(experiment, inputs, runs, { ...options, inputs: hashes.hashes })
  return executePlan(experiment, runs, { meta, dependencies: hashes.of, contents: hashes.contents }, options)
}

/** A pass of TensorFlow over a model of more parameters keeps all cores busy by itself. */
const SMALL = 20e6

/** One thread for each core, unless the code cannot leave this thread, or one run uses all cores or the graphics card. */
function usualJobs({ registry }: Experiment, inputs: readonly ModelInputs[], { name, gpu }: BackendInfo): number {
  const isAlone = !modulesOf(registry) || Boolean(gpu)
  const isLarge = name === 'tensorflow' && inputs.some(({ parameters }) => parameters > SMALL)
  return isAlone || isLarge ? 1 : os.availableParallelism()
}

function gatherMeta(
  experiment: Experiment,
  models: readonly ModelInputs[],
  runs: readonly Run[],
  { inputs, backend, jobs }: Pick<SweepSettings, 'backend' | 'jobs'> & Pick<Meta, 'inputs'>,
): Meta {
  const tasks = models.flatMap((model) =>
    model.tasks.map(({ task }) => [task.name, { version: task.version, items: task.items.length }] as const),
  )
  return {
    experiment: experiment.name,
    config_hash: hashPlan(runs),
    inputs,
    tasks: Object.fromEntries(tasks),
    definitions: { ...DEFINITIONS },
    backend: { name: backend.found.name, package: backend.found.package },
    environment: readEnvironment(),
    jobs,
    runs: runs.length,
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
