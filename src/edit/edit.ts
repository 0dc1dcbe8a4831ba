// Edits the delta of a pair of checkpoints and writes the result as a checkpoint, one tensor in memory at a time.

import {
  companionsOf,
  homeOf,
  isFloating,
  isMatrix,
  matricesOf,
  type Pair,
  type PlannedTensor,
  type Selection,
  selectTensors,
  type TensorContent,
  WRITABLE,
  type WritableDtype,
  writeCheckpoint,
} from '../checkpoint/index.js'
import { needsGradient, needsGram, type Step, scanModel } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { checkApart } from '../files/index.js'
import { editWeights, type Grams, readInput, type Tally } from './tensor.js'

export interface EditCheckpointOptions extends Selection {
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
  /** README.md, and strings for the headers of the weight files. */
  card?: string
  metadata?: Record<string, string>
  /** Called after each tensor with its name and its bytes in the post-trained model. */
  onTensor?: (name: string, bytes: number) => void
  /** Called with a sentence when an editor degenerates on a tensor. */
  onWarning?: (text: string) => void
}

/** What was edited; the words of a sweep's row. */
export interface EditSummary {
  /** Number of tensors edited. */
  tensors: number
  /** Number of entries of these tensors. */
  parameters: number
  /** Non-zero entries of the edited delta (of the edited weights with `on: weights`). */
  kept: number
  /** An estimate of the bits to store the edited delta, per parameter, where a value that is kept takes 16. */
  bits_per_parameter: number
  /** Norms of what was edited and of its change, before the weights are rounded to the written format. */
  delta_norm: number
  /** Euclidean norm of the change of what was edited. */
  edit_norm: number
  /** Selected tensors that are neither a matrix nor a batch of them, where an editor of the chain works on matrices only. */
  passed: number
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

/** Tensors that are not selected, and non-floating ones, are the post-trained model's bit for bit (unless `dtype` changes them). */
export async function editCheckpoint(pair: Pair, out: string, options: EditCheckpointOptions): Promise<EditSummary> {
  checkSteps(options.steps, options.grams !== undefined)
  const { base, post } = pair
  const paired = pair.names.map((name) => post.tensors.get(name)!)
  const selected = new Set(selectTensors(paired, options))
  await checkApart(out, [base.folder, post.folder])
  // A stored copy of a tied weight is edited like its source: same name for the key, counted once.
  const sourceOf = (name: string): string => pair.tied.get(name) ?? name
  const plan = [...post.tensors.values()].map(
    ({ name, dtype, shape }): PlannedTensor => ({
      name,
      shape,
      dtype: plannedDtype(dtype, options.dtype, selected.has(sourceOf(name))),
    }),
  )
  const scanned = await scanModel(options.steps, async function* () {
    for (const name of selected)
      yield [name, await readInput(pair, name, options.on), matricesOf(post.tensors.get(name)!)] as const
  })
  const how = { ...options, scanned }
  const tally: Tally = { tensors: 0, parameters: 0, kept: 0, bits: 0, inputSquares: 0, changeSquares: 0 }

  async function* contents(): AsyncGenerator<TensorContent> {
    for (const { name, dtype } of plan) {
      const entry = post.tensors.get(name)!
      const source = sourceOf(name)
      if (selected.has(source))
        yield { name, values: await editWeights(pair, source, how, source === name ? tally : null) }
      else if (dtype === entry.dtype) yield { name, bytes: await post.readBytes(name) }
      else yield { name, values: await post.read(name) }
      options.onTensor?.(name, entry.end - entry.begin)
    }
  }
  const { config, configText } = post.config ? post : base
  await writeCheckpoint(out, {
    ...options,
    plan,
    tensors: contents(),
    config,
    configText,
    copyFrom: homeOf(post),
    tokenizerFrom: companionsOf(post),
  })
  const { tensors, parameters, kept, bits, inputSquares, changeSquares } = tally
  const odd = [...selected].map((name) => post.tensors.get(name)!).filter(({ name, shape }) => !isMatrix(name, shape))
  const passed = options.steps.some(({ editor }) => editor.reads === 'matrix') ? odd.length : 0
  return {
    tensors,
    parameters,
    kept,
    bits_per_parameter: bits / (parameters || 1),
    delta_norm: Math.sqrt(inputSquares),
    edit_norm: Math.sqrt(changeSquares),
    passed,
  }
}

/** Weights can be edited in every floating format, but F64 is not written: an edited F64 tensor becomes F32. */
function plannedDtype(stored: string, wanted: WritableDtype | undefined, edited: boolean): string {
  if (!isFloating(stored)) return stored
  return wanted ?? (edited && !(WRITABLE as readonly string[]).includes(stored) ? 'F32' : stored)
}
