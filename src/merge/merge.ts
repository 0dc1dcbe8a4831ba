// Carries out a plan, tensor by tensor: on kernels in all threads, or by the definitions of the methods.
import { badResult, homeOf, type WeightFiles, type WriteOptions, writeCheckpoint } from '../checkpoint/index.js'
import { PassError } from '../kernels/index.js'
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
import type { MergeOrigin } from './opened.js'
import { mergeOthers, type OtherTensors } from './others.js'
import type { MergePlan, TensorMerge } from './plan.js'
import { mergeJob } from './program.js'

export interface WriteMergeOptions extends StreamOptions, Pick<WriteOptions, 'describe' | 'resume'> {
  overwrite?: boolean
  maxShardBytes?: number
  /** Folder whose tokenizer is copied. */
  tokenizerFrom: string
  /** Texts that replace files of that folder; null leaves the file out. */
  files?: Readonly<Record<string, string | null>>
  card?: string
  metadata?: Record<string, string>
  /** What worker threads open, for methods without a program; without it these run in this thread. */
  origin?: MergeOrigin | null
  /** Called after each tensor with its name and its number of parameters. */
  onTensor?: (name: string, parameters: number) => void
  /** Called with a sentence when the method degenerates on a tensor. */
  onWarning?: (text: string) => void
}

/** Whether a tensor of the plan is merged by TensorFlow.js, because a method of its has no program on kernels. */
export const needsBackend = (plan: MergePlan): boolean =>
  plan.tensors.some((tensor) => tensor.merging !== null && !mergeJob(plan, tensor, () => undefined))

/** Merges on kernels where the methods have programs, else by their definitions, one tensor at a time. Throws what writeCheckpoint throws. */
export async function mergeCheckpoints(plan: MergePlan, out: string, options: WriteMergeOptions): Promise<void> {
  const { tensors, reference } = plan
  const { onTensor, onWarning = () => undefined, tokenizerFrom, origin = null, jobs, memory, ...rest } = options
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
        const work = { engine, files, progress, number, onTensor, origin, jobs, memory }
        for (const text of await mergeTensors(plan, work)) onWarning(text)
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

interface MergeWork extends Pick<OtherTensors, 'origin' | 'jobs' | 'memory'> {
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
  { engine, files, progress, number, onTensor, ...threads }: MergeWork,
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
  await inParallel(engine.jobs + 1, ordered, onKernels)
  await engine.close() // gives its memory to the others
  await mergeOthers(plan, { left: left.filter((i) => !jobs.get(i)), files, warnOf, finish, ...threads })
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
