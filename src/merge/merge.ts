// Carries out a plan, tensor by tensor: on kernels in all threads, or by the definitions of the methods.
import {
  type Description,
  homeOf,
  type NameContent,
  streamTensors,
  type WeightFiles,
  type WriteOptions,
  withDescription,
  writeCheckpoint,
} from '../checkpoint/index.js'
import { checkMemory, openStream, type StreamOptions } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { partNeeds, streamedTensors } from './need.js'
import type { MergeOrigin, OpenMerge } from './opened.js'
import { mergeOthers } from './others.js'
import type { MergePlan } from './plan.js'
import { withoutProgram, workOf } from './program.js'

export interface WriteMergeOptions extends StreamOptions, Pick<WriteOptions, 'resume' | 'onBytes'> {
  overwrite?: boolean
  maxShardBytes?: number
  /** Folder whose tokenizer is copied. */
  tokenizerFrom: string
  /** Texts that replace files of that folder; null leaves the file out. */
  files?: Readonly<Record<string, string | null>>
  /** README.md, and strings for the headers of the weight files, from the contents of the inputs. */
  describe?: (content: NameContent) => Promise<Description>
  /** What worker threads open, for methods without a program; without it these run in this thread. */
  origin?: MergeOrigin | null
  /** Called after each tensor with its name and its number of parameters. */
  onTensor?: (name: string, parameters: number) => void
  /** Called with a sentence when the method degenerates on a tensor. */
  onWarning?: (text: string) => void
}

/** Whether a tensor of the plan is merged by TensorFlow.js, because a method of its has no program on kernels. */
export const needsBackend = (plan: MergePlan): boolean => withoutProgram(plan).length > 0

/** Entries of a tensor that TensorFlow.js merges in less time than a signal may wait, whatever the method. */
const QUICK = 1 << 18

/** Whether the merge may hold its thread for so long that this hears no signals: by TensorFlow.js, or by plugins, of which nobody knows. */
export const holdsThread = ({ plan, origin }: Pick<OpenMerge, 'plan' | 'origin'>): boolean =>
  !origin || origin.plugins.length > 0 || withoutProgram(plan).some((i) => countEntries(plan.tensors[i]!.shape) > QUICK)

/** Merges on kernels where the methods have programs, else by their definitions, one tensor at a time. Throws what writeCheckpoint throws. */
export async function mergeCheckpoints(plan: MergePlan, out: string, options: WriteMergeOptions): Promise<void> {
  const { tensors, reference } = plan
  const {
    onTensor,
    onWarning = () => undefined,
    tokenizerFrom,
    origin = null,
    jobs,
    memory,
    describe,
    ...rest
  } = options
  checkMemory(partNeeds(plan, withoutProgram(plan)), plan.method, memory)
  const engine = openStream({ jobs, memory }, streamedTensors(plan))
  const { configText } = reference.checkpoint
  plan.warnings.forEach(onWarning)
  const say = (text: string) => rest.resume?.note(`${out}: ${text}`)
  const write = async (files: WeightFiles): Promise<void> => {
    const warnings = await streamTensors<readonly string[]>({
      engine,
      files,
      plan: tensors,
      workOf: (i) => workOf(plan, tensors[i]!),
      others: (left, finish) => mergeOthers(plan, { left, files, finish, origin, jobs, memory }),
      say,
      onTensor: (i) => onTensor?.(tensors[i]!.name, countEntries(tensors[i]!.shape)),
    })
    new Set(warnings.flat()).forEach((text) => onWarning(text))
  }
  const writeFolder = (described: object) =>
    writeCheckpoint(out, {
      ...rest,
      ...described,
      plan: tensors,
      tensors: write,
      config: plan.config,
      configText,
      copyFrom: homeOf(reference.checkpoint),
      tokenizerFrom,
      onWarning,
    })
  try {
    await (describe ? withDescription(describe, engine, writeFolder) : writeFolder({}))
  } finally {
    await engine.close()
  }
}
