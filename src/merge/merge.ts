// Carries out a plan, tensor by tensor: on kernels in all threads, or by the definitions of the methods.
import {
  badResult,
  homeOf,
  isBatch,
  matricesOf,
  roleOf,
  type WeightFiles,
  type WriteOptions,
  writeCheckpoint,
} from '../checkpoint/index.js'
import { needsModel, scanModel } from '../editors/index.js'
import { PassError } from '../kernels/index.js'
import { type Merging, mergeValues, needsModels, scanModels, type TensorPart } from '../mergers/index.js'
import {
  inParallel,
  openProgress,
  openStream,
  runTensor,
  type StreamEngine,
  type StreamOptions,
  type TensorJob,
  type TensorProgress,
} from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import type { MergePlan, MergeSource, TensorMerge } from './plan.js'
import { mergeJob } from './program.js'
import { drawKey, editPart, toDelta, toWeights, wantsDeltas } from './tensor.js'

export interface WriteMergeOptions extends StreamOptions, Pick<WriteOptions, 'describe' | 'resume'> {
  overwrite?: boolean
  maxShardBytes?: number
  /** Folder whose tokenizer is copied. */
  tokenizerFrom: string
  /** Texts that replace files of that folder; null leaves the file out. */
  files?: Readonly<Record<string, string | null>>
  card?: string
  metadata?: Record<string, string>
  /** Called after each tensor with its name and its number of parameters. */
  onTensor?: (name: string, parameters: number) => void
  /** Called with a sentence when the method degenerates on a tensor. */
  onWarning?: (text: string) => void
}

/** What the editors of each model, by its label, must know of all its tensors. */
type Scans = Map<string, readonly unknown[]>

type Weights = TensorMerge & { merging: Merging }

/** Whether a tensor of the plan is merged by TensorFlow.js, because a method of its has no program on kernels. */
export const needsBackend = (plan: MergePlan): boolean =>
  plan.tensors.some((tensor) => tensor.merging !== null && !mergeJob(plan, tensor, () => undefined))

/** Merges on kernels where the methods have programs, else by their definitions, one tensor at a time. Throws what writeCheckpoint throws. */
export async function mergeCheckpoints(plan: MergePlan, out: string, options: WriteMergeOptions): Promise<void> {
  const { tensors, reference } = plan
  const { onTensor, onWarning = () => undefined, tokenizerFrom, jobs, memory, ...rest } = options
  const engine = openStream({ jobs, memory })
  const { configText } = reference.checkpoint
  plan.warnings.forEach(onWarning)
  let begun = 0
  const number = () => begun++
  const say = (text: string) => rest.resume?.note(`${out}: ${text}`)
  try {
    await writeCheckpoint(out, {
      ...rest,
      plan: tensors,
      tensors: async (files) => {
        const progress = await openProgress(engine, files.journal, files.places, say)
        for (const text of await mergeTensors(plan, { engine, files, progress, number, onTensor })) onWarning(text)
      },
      config: plan.config,
      configText,
      copyFrom: homeOf(reference.checkpoint),
      tokenizerFrom,
      onWarning,
    })
  } finally {
    await engine.close()
  }
}

interface MergeWork {
  engine: StreamEngine
  files: WeightFiles
  progress: TensorProgress
  /** A new number for a tensor of the engine. */
  number(): number
  onTensor: WriteMergeOptions['onTensor'] | undefined
}

/** All tensors but those that an earlier run finished. @returns what is to be said of them, in their order */
async function mergeTensors(
  plan: MergePlan,
  { engine, files, progress, number, onTensor }: MergeWork,
): Promise<Iterable<string>> {
  const { tensors } = plan
  const notes = tensors.map((): string[] => [])
  const warnOf = (i: number) => (text: string) => void notes[i]!.push(text)
  const finish = async (i: number): Promise<void> => {
    const { name, shape } = tensors[i]!
    await progress.finish(name, JSON.stringify(notes[i]))
    onTensor?.(name, countEntries(shape))
  }
  /** An earlier run may have finished a tensor, and noted what is to be said of it. */
  const isLeft = (i: number): boolean => {
    const { name, shape } = tensors[i]!
    const note = progress.noteOf(name)
    if (note === undefined) return true
    notes[i] = JSON.parse(note) as string[]
    files.wrote(name, countEntries(shape))
    onTensor?.(name, countEntries(shape))
    return false
  }
  const left = [...tensors.keys()].filter(isLeft)
  const jobs = new Map(left.map((i) => [i, mergeJob(plan, tensors[i]!, warnOf(i))]))
  const ordered = left
    .filter((i) => jobs.get(i))
    .sort((a, b) => countEntries(tensors[b]!.shape) - countEntries(tensors[a]!.shape))
  const onKernels = async (i: number): Promise<void> => {
    const job = { ...jobs.get(i)!, ...progress.blocksOf(tensors[i]!.name), tensor: number() }
    await mergeOnKernels(engine, job, tensors[i]!, files)
    await finish(i)
  }
  const others = left.filter((i) => !jobs.get(i))
  await inParallel(
    2,
    [
      () => inParallel(engine.jobs + 1, ordered, onKernels),
      () => mergeOthers(plan, { files, warnOf, finish, left: others }),
    ],
    (work) => work(),
  )
  return new Set(notes.flat())
}

/** Runs the program of a tensor. @throws UserError for inputs and results that are not finite */
async function mergeOnKernels(
  engine: StreamEngine,
  job: Omit<TensorJob<void>, 'target'>,
  { name, shape, base, sources }: TensorMerge,
  files: WeightFiles,
): Promise<void> {
  const target = files.target(name)
  try {
    await runTensor(engine, { ...job, target })
  } catch (error) {
    if (!(error instanceof PassError)) throw error
    if (error.of === 'result') throw badResult({ name, dtype: target.dtype }, error)
    const source = error.of === 'base' ? base! : sources[error.of]!
    await source.model.checkpoint.read(source.name) // says what is wrong with it
    throw error
  }
  files.wrote(name, countEntries(shape))
}

interface Others {
  files: WeightFiles
  warnOf(i: number): (text: string) => void
  finish(i: number): Promise<void>
  /** Their numbers. */
  left: readonly number[]
}

/** Tensors without a program: by the definitions of their methods, or copied. */
async function mergeOthers(plan: MergePlan, { files, warnOf, finish, left }: Others): Promise<void> {
  if (!left.length) return
  const said = warnOf(left[0]!)
  const reader = readerOf(plan, await scanEach(plan), said)
  const scannedModels = await scanAll(plan, reader, said)
  for (const i of left) {
    const tensor = plan.tensors[i]!
    const { name, merging, shape } = tensor
    const [first] = tensor.sources
    if (merging) {
      const before = await readBase(tensor)
      const part = {
        ...(await reader({ ...tensor, merging }, before)),
        embedding: roleOf(name, shape) === 'embedding',
        batch: isBatch(name, shape),
      }
      const merged = await mergeValues({ ...merging, scannedModels }, part, before, { warn: warnOf(i) })
      const values = wantsDeltas(merging.merger, before !== null) ? toWeights(before!, merged) : merged
      await files.write({ name, values })
    } else await files.write({ name, bytes: await first!.model.checkpoint.readBytes(first!.name) })
    await finish(i)
  }
}

const labelled = ({ model: { label }, name }: MergeSource): string => drawKey(label, name)

const readBase = async ({ base }: TensorMerge): Promise<Float32Array | null> =>
  base && base.model.checkpoint.read(base.name)

/** The same tensor of every source, read and edited; `before` is the base's. */
type Reader = (tensor: Weights, before: Float32Array | null) => Promise<TensorPart>

/** A scan of the models reads tensors before they are merged; each sentence of an editor is said once. */
function readerOf({ seed }: MergePlan, scans: Scans, onWarning: (text: string) => void): Reader {
  const said = new Set<string>()
  const warn = (text: string): void => {
    if (!said.has(text)) onWarning(text)
    said.add(text)
  }
  return async ({ name, shape, sources, merging: { merger } }, before) => {
    const models: Float32Array[] = []
    for (const source of sources) {
      const { model, steps } = source
      const context = {
        seed,
        tensor: labelled(source),
        batch: isBatch(name, shape),
        scanned: scans.get(model.label),
        onWarning: warn,
      }
      const how = { shape, steps, deltas: wantsDeltas(merger, before !== null) }
      models.push(await editPart(await model.checkpoint.read(source.name), before, how, context))
    }
    return { name, shape, models, given: await readData(sources) }
  }
}

/** Undefined unless every source has data for this tensor. */
async function readData(sources: readonly MergeSource[]): Promise<Float32Array[] | undefined> {
  if (!sources.every(({ data, name }) => data?.checkpoint.tensors.has(name))) return undefined
  return Promise.all(sources.map(({ data, name }) => data!.checkpoint.read(name)))
}

/** The pass over the whole models, for mergers that make one. */
async function scanAll({ tensors }: MergePlan, read: Reader, onWarning: (text: string) => void): Promise<unknown> {
  const weights = tensors.filter((tensor): tensor is Weights => tensor.merging !== null)
  const first = weights.find(({ merging }) => needsModels(merging))
  if (!first) return undefined
  const walk = async function* (): AsyncGenerator<TensorPart> {
    for (const tensor of weights) yield await read(tensor, await readBase(tensor))
  }
  return scanModels(first.merging, walk, onWarning)
}

/** One scan of each model whose editors ask for it, over all tensors that it has a part in. */
async function scanEach({ tensors }: MergePlan): Promise<Scans> {
  const scans: Scans = new Map()
  const parts = tensors.flatMap((tensor) =>
    tensor.merging ? tensor.sources.map((source) => ({ tensor, source })) : [],
  )
  for (const { model, steps } of parts.map(({ source }) => source)) {
    if (scans.has(model.label) || !steps.some(needsModel)) continue
    const deltas = async function* () {
      for (const { tensor, source } of parts) {
        if (source.model !== model) continue
        yield [
          labelled(source),
          toDelta(await model.checkpoint.read(source.name), (await readBase(tensor))!),
          matricesOf(tensor),
        ] as const
      }
    }
    scans.set(model.label, await scanModel(steps, deltas))
  }
  return scans
}
