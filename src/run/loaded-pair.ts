// What a worker keeps of the pair it works on: the post-trained weights as tensors, base and delta as values, the task's
// batches. One pair at a time; another pair takes its place.
import {
  companionsOf,
  homeOf,
  openModel,
  openModels,
  pairCheckpoints,
  type Role,
  roleOf,
  selectTensors,
} from '../checkpoint/index.js'
import type { Edit, Experiment, ModelPair } from '../config/index.js'
import { askInChat, checkReader, describeClasses, encodeItems, loadReader, type Reader } from '../evaluate/index.js'
import { type Model, modelOf, type Weights } from '../models/index.js'
import type { PlannedTask } from '../plan/index.js'
import { loadTask, type Task } from '../tasks/index.js'
import { type Batch, tf } from '../tensor/index.js'

export interface LoadedPair {
  pair: ModelPair
  model: Model
  tokenizer: Reader
  post: Weights
  /** float32 values by name: of the base, and post − base. */
  base: Map<string, Float32Array>
  delta: Map<string, Float32Array>
  shapes: Record<string, readonly number[]>
  roles: Record<string, Role>
  /** Names of the tensors that a selection takes. */
  select(tensors: Edit['tensors']): string[]
  /** The task's items, and the batches of its first `items` items. */
  open(task: Pick<PlannedTask, 'source'>, items?: number): Promise<{ task: Task; batches: Batch[] }>
  /** What editors prepared of these deltas (SVDs), shared by the runs; one for deltas, one for weights. */
  caches: Record<Edit['on'], Map<string, Promise<unknown>>>
  dispose(): void
}

/** Reads both checkpoints. Weights are float32; the caller owns the result. */
export async function loadPair(pair: ModelPair): Promise<LoadedPair> {
  const [baseFiles, postFiles] = await openModels(pair.baseFolder, pair.postFolder)
  try {
    const { names } = await pairCheckpoints(baseFiles, postFiles, pair)
    const shapes = Object.fromEntries([...postFiles.tensors.values()].map((entry) => [entry.name, entry.shape]))
    const model = modelOf(postFiles, pair.postFolder)
    const post: Weights = {}
    const base = new Map<string, Float32Array>()
    const delta = new Map<string, Float32Array>()
    for (const name of new Set([...Object.keys(model.shapes), ...names])) {
      const values = await postFiles.read(name)
      post[name] = tf.tensor(values, [...shapes[name]!])
      const before = names.includes(name) ? await baseFiles.read(name) : values
      base.set(name, before)
      delta.set(
        name,
        values.map((value, i) => value - before[i]!),
      )
    }
    const entries = names.map((name) => postFiles.tensors.get(name)!)
    const tokenizer = await loadReader(companionsOf(postFiles), homeOf(postFiles))
    checkReader(companionsOf(postFiles), tokenizer, model)
    return {
      pair,
      model,
      tokenizer,
      post,
      base,
      delta,
      shapes,
      roles: Object.fromEntries(names.map((name) => [name, roleOf(name, shapes[name]!)])),
      select: (tensors) => selectTensors(entries, tensors),
      open: remember(tokenizer, model, async (task) =>
        askInChat(await withClasses(task, model, pair), companionsOf(postFiles), pair.chat),
      ),
      caches: { delta: new Map(), weights: new Map() },
      dispose: () => tf.dispose(post),
    }
  } finally {
    await Promise.all([baseFiles.close(), postFiles.close()])
  }
}

/** A zero-shot model's head is that of the base, whatever was tuned since. */
async function withClasses(task: Task, model: Model, { baseFolder }: ModelPair): Promise<Task> {
  const base = await openModel(baseFolder)
  try {
    return await describeClasses(task, model, base)
  } finally {
    await base.close()
  }
}

/** Tasks and batches are the same in every run: read and encoded once. */
function remember(tokenizer: Reader, model: Model, prepare: (task: Task) => Promise<Task>): LoadedPair['open'] {
  const tasks = new Map<string, Promise<Task>>()
  const batches = new Map<string, Promise<Batch[]>>()
  return async ({ source }, items) => {
    if (!tasks.has(source)) tasks.set(source, loadTask(source).then(prepare))
    const task = await tasks.get(source)!
    if (items === undefined) return { task, batches: [] }
    const key = `${items} of ${source}`
    if (!batches.has(key)) batches.set(key, encodeItems(task, tokenizer, model, { items }))
    return { task, batches: await batches.get(key)! }
  }
}

/** The base model's weights as tensors, for its loss and score; the caller disposes them. */
export function uploadBase({ base, shapes }: LoadedPair): Weights {
  return Object.fromEntries([...base].map(([name, values]) => [name, tf.tensor(values, [...shapes[name]!])]))
}

/** What the experiment asks to be measured, and whether generated programs may be run for it. */
export type Measures = Pick<Experiment, 'score' | 'loss'> & { allowCode?: boolean | undefined }
