// A pair of checkpoints in memory, with its tokenizer and the batches of its tasks. Post-trained weights are tensors; base and
// delta are plain values. A worker holds one pair at a time.
import {
  type Checkpoint,
  companionsOf,
  pairCheckpoints,
  type Role,
  roleOf,
  selectTensors,
} from '../checkpoint/index.js'
import type { Edit, Experiment, ModelPair } from '../config/index.js'
import { type KeptStates, keepStates } from '../divergence/index.js'
import {
  askInChat,
  checkLoss,
  describeClasses,
  encodeItems,
  fitTask,
  keepTokens,
  openReader,
  type Reader,
  rememberTokens,
} from '../evaluate/index.js'
import { KEEP_NOTHING, type Kept } from '../files/index.js'
import { type Batch, type Model, modelOf, type Weights } from '../models/index.js'
import type { PlannedTask } from '../plan/index.js'
import { track } from '../progress/index.js'
import { BUILT_IN, type Registry } from '../registry/index.js'
import { openModel, openModels } from '../sources/index.js'
import { loadTask, sliceTask, type Task } from '../tasks/index.js'
import { countEntries, type Tensor, tf } from '../tensor/index.js'

/** What to measure, and whether generated programs may be run. */
export type Measures = Pick<Experiment, 'score' | 'loss'> & { allowCode?: boolean | undefined }

interface LoadedTensor {
  shape: number[]
  role: Role
  post: Tensor
  /** float32 values, row-major: of the base, and post − base. */
  base: Float32Array
  delta: Float32Array
}

/** The tasks of a pair, as its post reads them. */
export interface PairTasks {
  model: Model
  tokenizer: Reader
  /** The task's items, and the batches of its first `items` items. */
  open(task: Pick<PlannedTask, 'source'>, items?: number): Promise<{ task: Task; batches: Batch[] }>
  /** The batches of items from … to − 1 of a task, whatever is measured on them. */
  encode(source: string, from: number, to: number, batchTokens?: number): Promise<Batch[]>
}

export interface LoadedPair extends PairTasks {
  pair: ModelPair
  /** The editors, mergers and tasks that the names of runs refer to. */
  registry: Registry
  /** Every tensor of the model and of the pair. */
  tensors: ReadonlyMap<string, LoadedTensor>
  /** One of them. */
  tensor(name: string): LoadedTensor
  /** The post-trained weights. */
  post: Weights
  /** config.json of the post-trained model, and all tensors in its files, used or not. */
  stored: Pick<Checkpoint, 'config' | 'tensors'>
  /** Names of the tensors that a selection takes. */
  select(tensors: Edit['tensors']): string[]
  /** The last hidden states of post on batches. */
  states: KeptStates
  /** What editors prepared of these tensors (SVDs), shared by the runs; one for deltas, one for weights. */
  caches: Record<Edit['on'], Map<string, Promise<unknown>>>
  /** XᵀX of the inputs of linear layers, by the source of the task that they were measured on. */
  grams: Map<string, Promise<Map<string, Float32Array>>>
  dispose(): void
}

/** Reads both checkpoints. Weights are float32; the caller owns the result. `kept`: where token ids are kept. */
export async function loadPair(
  pair: ModelPair,
  registry: Registry = BUILT_IN,
  kept: Kept = KEEP_NOTHING,
): Promise<LoadedPair> {
  const { keepsCodes } = pair
  const [base, post] = await openModels(pair.baseFolder, pair.postFolder, {
    ...{ tokenizer: pair.tokenizerFolder, keepsCodes },
  })
  const tensors = new Map<string, LoadedTensor>()
  const dispose = () => tf.dispose([...tensors.values()].map((tensor) => tensor.post))
  try {
    const { names } = await pairCheckpoints(base, post, pair)
    const model = modelOf(post, pair.postFolder)
    const read = async (name: string) => {
      const { shape } = post.tensors.get(name)!
      const after = await post.read(name)
      const before = names.includes(name) ? await base.read(name) : after
      const delta = after.map((value, i) => value - before[i]!)
      const tensor = tf.tensor(after, [...shape])
      tensors.set(name, { shape: [...shape], role: roleOf(name, shape), post: tensor, base: before, delta })
      return 8 * after.length
    }
    const all = [...new Set([...Object.keys(model.shapes), ...names])]
    const bytes = all.reduce((sum, name) => sum + 8 * countEntries(post.tensors.get(name)!.shape), 0)
    await track({ name: `read the weights of ${pair.name}`, unit: 'bytes', total: bytes }, async ({ add }) => {
      for (const name of all) add(await read(name))
    })
    const entries = names.map((name) => post.tensors.get(name)!)
    return {
      ...(await openTasks(post, model, { pair, registry, kept })),
      pair,
      registry,
      tensors,
      tensor(name) {
        const found = tensors.get(name)
        if (!found) throw new Error(`${name} is no tensor of ${pair.postFolder}`)
        return found
      },
      post: Object.fromEntries([...tensors].map(([name, tensor]) => [name, tensor.post])),
      stored: { config: post.config, tensors: post.tensors },
      select: (selection) => selectTensors(entries, selection),
      states: keepStates(),
      caches: { delta: new Map(), weights: new Map() },
      grams: new Map(),
      dispose,
    }
  } catch (error) {
    dispose()
    throw error
  } finally {
    await Promise.all([base.close(), post.close()])
  }
}

/** @param post of the pair; it may be closed then */
export async function openTasks(
  post: Checkpoint,
  model: Model,
  { pair, registry = BUILT_IN, kept = KEEP_NOTHING }: { pair: ModelPair; registry?: Registry | undefined; kept?: Kept },
): Promise<PairTasks> {
  const tokenizer = rememberTokens(await keepTokens(await openReader(post, model), companionsOf(post), kept))
  const load = async (source: string): Promise<Task> => {
    const task = await withClasses(await loadTask(source, { tasks: registry.tasks }), model, pair)
    return fitTask(await askInChat(task, companionsOf(post), pair.chat), tokenizer, model)
  }
  return { model, tokenizer, ...remember(tokenizer, model, load) }
}

/** The class features of a zero-shot model always come from the base. */
async function withClasses(task: Task, model: Model, { baseFolder, keepsCodes }: ModelPair): Promise<Task> {
  const base = await openModel(baseFolder, { keepsCodes })
  try {
    return await describeClasses(task, model, base)
  } finally {
    await base.close()
  }
}

/** Tasks and batches are the same in every run, so they are read and encoded once. */
function remember(
  tokenizer: Reader,
  model: Model,
  load: (source: string) => Promise<Task>,
): Pick<PairTasks, 'open' | 'encode'> {
  const tasks = new Map<string, Promise<Task>>()
  const batches = new Map<string, Promise<Batch[]>>()
  const taskOf = (source: string): Promise<Task> => {
    if (!tasks.has(source)) tasks.set(source, load(source))
    return tasks.get(source)!
  }
  const encode: PairTasks['encode'] = async (source, from, to, batchTokens) => {
    const task = await taskOf(source)
    const key = `${from}-${to} of ${source} by ${batchTokens ?? ''}`
    if (!batches.has(key)) batches.set(key, encodeItems(sliceTask(task, from, to), tokenizer, model, { batchTokens }))
    return batches.get(key)!
  }
  return {
    encode,
    async open({ source }, items) {
      const task = await taskOf(source)
      if (items === undefined) return { task, batches: [] }
      checkLoss(task, model)
      return { task, batches: await encode(source, 0, items) }
    },
  }
}

/** The base model's weights as tensors; the caller disposes them. */
export function uploadBase({ tensors }: LoadedPair): Weights {
  return Object.fromEntries([...tensors].map(([name, { base, shape }]) => [name, tf.tensor(base, [...shape])]))
}
