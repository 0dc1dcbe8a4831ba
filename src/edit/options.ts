// What an edit of a pair is asked to do.
import type { Description, NameContent, Selection, WritableDtype, WriteOptions } from '../checkpoint/index.js'
import { needsGradient, needsGram, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import type { Registry } from '../registry/index.js'
import type { StreamOptions } from '../stream/index.js'
import type { Grams } from './tensor.js'

export interface EditCheckpointOptions extends Selection, StreamOptions, Pick<WriteOptions, 'resume' | 'onBytes'> {
  steps: readonly Step[]
  seed: number
  /** `weights` edits the post-trained weights themselves (an ablation of DARE) instead of the delta. */
  on: 'delta' | 'weights'
  /** Of the inputs of linear layers, for editors that need them. */
  grams?: Grams | undefined
  /** Format of every floating tensor; each keeps that of the post-trained model when left out. */
  dtype?: WritableDtype | undefined
  maxShardBytes?: number
  overwrite?: boolean
  /** README.md, and strings for the headers of the weight files, from the contents of the inputs. */
  describe?: (content: NameContent) => Promise<Description>
  /** Where the editors come from: threads load them again. Without it, editors without a program run in this thread. */
  registry?: Registry | undefined
  /** Called after each tensor with its name and its bytes in the post-trained model. */
  onTensor?: (name: string, bytes: number) => void
  /** Called with a sentence when an editor degenerates on a tensor. */
  onWarning?: (text: string) => void
}

/** Throws a UserError for editors that need a gradient, which only a sweep has, or Gram matrices where none are given, and for those given in vain. */
export function checkSteps(steps: readonly Step[], hasGrams = false): void {
  const gradient = steps.find(needsGradient)?.editor.name
  if (gradient)
    throw new UserError(
      `editor ${gradient} with these options needs the gradient of a task's loss, and edit knows no task: use it in a sweep`,
    )
  const gram = steps.find(needsGram)?.editor.name
  if (gram && !hasGrams)
    throw new UserError(
      `editor ${gram} with these options needs what layers are fed: give --data, a folder that deltalab information --kind gram writes`,
    )
  if (hasGrams && !gram)
    throw new UserError(
      '--data is for editors that need Gram matrices (delta_come with quantiser: gptq), and none of these does',
    )
}
