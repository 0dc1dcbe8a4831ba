// Finds gates of Twin-Merging for a merge file: trains a router on the tasks of the models, and takes its mean gates on each task.
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { type Checkpoint, openCheckpoint } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { checkTask, loadReader, openReader, promptFeatures } from '../evaluate/index.js'
import { makeTemporary } from '../files/index.js'
import { readWeights } from '../loss/index.js'
import { type MergeFile, type MergePlan, mergeCheckpoints, openMerge, readMergeFile } from '../merge/index.js'
import { routeFeatures, trainRouter } from '../mergers/index.js'
import { modelOf } from '../models/index.js'
import type { PluginSource } from '../registry/index.js'
import { largestIndex, loadTask, type Task, type TaskCard } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { splitTask } from './split.js'

export interface RouteOptions {
  /** A task of each model, in the order of the file. */
  tasks: readonly string[]
  /** Further plugins than those of the file. */
  plugins?: readonly PluginSource[] | undefined
  /** Number of items: the last ones of each task train the router, as many first ones check it. */
  items: number
}

export interface FoundGates {
  /** The models with gates, and their indices in `models` of the file. */
  models: string[]
  places: number[]
  /** For each task, on held-out items: mean gates, and the share of items whose highest gate belongs to the task's own model. */
  gates: number[][]
  accuracies: number[]
}

/**
 * Lu et al. 2024 (Twin-Merging), arXiv 2406.15479: a router on the mean last hidden states of prompts under the shared model, which
 * is merged into a scratch folder. Gates in the file are ignored.
 * @throws UserError before a weight is read
 */
export async function findGates(
  file: string,
  { tasks: sources, items, plugins = [] }: RouteOptions,
): Promise<FoundGates> {
  const located = readMergeFile(file)
  const { value, locate } = located
  const listedModels = locate(() => wholeModels(value))
  const opened = await openMerge(file, located, { plugins })
  const scratch = makeTemporary('shared')
  try {
    const { plan, models, tokenizer, registry } = opened
    locate(() => checkGates(plan, value))
    const listed = listedModels.map(({ model }) => models.of(model))
    const places = listed.flatMap((model, i) => (model === plan.base ? [] : [i]))
    const tasks = await readTasks(
      sources,
      places.map((i) => listed[i]!.label),
      { items, cards: registry.tasks },
    )
    await checkTasks(
      plan,
      tasks.map(({ task }) => task),
    )
    await mergeCheckpoints(withoutGates(plan), join(scratch.path, 'shared'), tokenizer)
    const shared = await openCheckpoint(join(scratch.path, 'shared'))
    const features = await readFeatures(shared, tasks).finally(() => shared.close())
    const samples = features.map(({ learn }) => learn)
    const router = await trainRouter(samples, samples[0]!.length / items, value.seed)
    const found: FoundGates = { models: places.map((i) => listed[i]!.label), places, gates: [], accuracies: [] }
    for (const [own, { check }] of features.entries()) {
      const gates = await routeFeatures(router, check)
      const rows = Array.from({ length: items }, (_, i) => [
        ...gates.subarray(i * places.length, (i + 1) * places.length),
      ])
      found.gates.push(places.map((_, m) => rows.reduce((sum, row) => sum + row[m]!, 0) / items))
      found.accuracies.push(rows.filter((row) => largestIndex(row) === own).length / items)
    }
    return found
  } finally {
    await opened.close().finally(scratch.remove)
  }
}

function wholeModels({ models }: MergeFile): NonNullable<MergeFile['models']> {
  if (!models) throw new UserError('gates are those of whole models: list them in `models`', { path: ['slices'] })
  return models
}

function checkGates({ merger, method }: MergePlan, file: MergeFile): void {
  if (!merger.gating)
    throw new UserError(`${method} has no gates; twin has`, {
      path: [file.merger === undefined ? 'merge_method' : 'merger'],
    })
}

interface SplitTask {
  task: Task
  learn: Task
  check: Task
}

async function readTasks(
  sources: readonly string[],
  models: readonly string[],
  { items, cards }: { items: number; cards: readonly TaskCard[] },
): Promise<SplitTask[]> {
  if (sources.length !== models.length) {
    throw new UserError(
      `--task has ${sources.length} and the file ${models.length} models (${models.join(', ')}): give a task of each, in this order`,
      { exitCode: 2 },
    )
  }
  const twice = sources.find((source, i) => sources.indexOf(source) < i)
  if (twice !== undefined)
    throw new UserError(`--task names ${twice} twice: a router learns to tell tasks apart`, { exitCode: 2 })
  return Promise.all(
    sources.map(async (source) => {
      const task = await loadTask(source, { tasks: cards })
      return { task, ...splitTask(task, items, source, 'to learn from and to check') }
    }),
  )
}

/** Checks tasks and tokenizer against the model that the merge takes its architecture from. */
async function checkTasks({ reference: { checkpoint, label } }: MergePlan, tasks: readonly Task[]): Promise<void> {
  const model = modelOf(checkpoint, label)
  for (const task of tasks) checkTask(task, model, { allowCode: true }) // nothing is generated
  await openReader(checkpoint, model)
}

/** The same merge with every gate at 0: the shared model. */
const withoutGates = (plan: MergePlan): MergePlan => ({
  ...plan,
  tensors: plan.tensors.map((tensor) => {
    const { merging } = tensor
    return {
      ...tensor,
      merging: merging && {
        ...merging,
        ...plan.merger.gating!.fix(
          merging.options,
          merging.modelOptions,
          merging.modelOptions.map(() => 0),
        ),
      },
    }
  }),
})

/** Features of the prompts of each task under the shared model. */
async function readFeatures(
  shared: Checkpoint,
  tasks: readonly SplitTask[],
): Promise<{ learn: Float32Array; check: Float32Array }[]> {
  const model = modelOf(shared, shared.folder)
  const reader = await loadReader(shared.folder, model)
  const weights = await readWeights(model, (name) => shared.read(name))
  try {
    const features = []
    for (const { learn, check } of tasks)
      features.push({
        learn: await promptFeatures(model, weights, learn, reader),
        check: await promptFeatures(model, weights, check, reader),
      })
    return features
  } finally {
    tf.dispose(weights)
  }
}

/** The merge file with these gates, to four decimals; its other text and its comments stay. */
export function gateFile(text: string, { places }: FoundGates, gates: readonly number[], note: string): string {
  const document = parseDocument(text)
  for (const [i, place] of places.entries()) {
    const path = ['models', place, 'parameters']
    if (document.getIn(path)) document.setIn([...path, 'gate'], Number(gates[i]!.toFixed(4)))
    else document.setIn(path, document.createNode({ gate: Number(gates[i]!.toFixed(4)) }))
  }
  return `# Gates of Twin-Merging (arXiv 2406.15479): ${note}\n${document.toString({ lineWidth: 0 })}`
}

/** What was found, in words. */
export function describeGates({ models, gates, accuracies }: FoundGates, { tasks, items }: RouteOptions): string {
  return [
    ...tasks.map(
      (task, t) =>
        `${task}: gates ${models.map((model, m) => `${model} ${gates[t]![m]!.toFixed(4)}`).join(', ')}; ${(100 * accuracies[t]!).toFixed(1)} % to ${models[t]}`,
    ),
    `means over the first ${items} items of each task; the router learned from the last ${items}`,
  ].join('\n')
}
