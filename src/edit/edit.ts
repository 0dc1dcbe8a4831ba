// Edits the delta of a pair of checkpoints and writes the result as a checkpoint: the tensors one by one, in bounded memory.

import {
  companionsOf,
  homeOf,
  isMatrix,
  type Pair,
  sourcesOf,
  streamTensors,
  type WeightFiles,
  withDescription,
  writeCheckpoint,
} from '../checkpoint/index.js'
import { bitsOf, type Step } from '../editors/index.js'
import { checkApart } from '../files/index.js'
import { checkMemory, openStream } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { checkSteps, type EditCheckpointOptions } from './options.js'
import { editOthers, editParts } from './others.js'
import { editedIn, type PlannedEdit, planEdit, streamedIn } from './plan.js'
import { editsWithoutProgram, editWork } from './program.js'
import { drawContext, type EditFound } from './tensor.js'

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

const namesOf = (steps: readonly Step[]): string => steps.map(({ editor }) => editor.name).join(' and ')

/**
 * On kernels where the editors have programs, else by their definitions. Tensors that are not selected, and non-floating ones, are the
 * post-trained model's bit for bit (unless `dtype` changes them).
 */
export async function editCheckpoint(pair: Pair, out: string, options: EditCheckpointOptions): Promise<EditSummary> {
  const { describe, registry: _, ...rest } = options
  const { jobs, memory, onTensor, onWarning } = rest

  checkSteps(options.steps, options.grams !== undefined)
  const { base, post } = pair
  const plan = planEdit(pair, options)
  const others = editsWithoutProgram(pair, plan, options)
  checkMemory(editParts({ pair, plan, options }, others), namesOf(options.steps), memory)
  await checkApart(out, [base, post].flatMap(sourcesOf))
  const engine = openStream({ jobs, memory }, streamedIn(pair, plan))
  let found: readonly EditFound[] = []
  const write = async (files: WeightFiles): Promise<void> => {
    found = await streamTensors({
      engine,
      files,
      plan,
      workOf: (i) => editWork(pair, plan[i]!, options),
      others: (left, finish) => editOthers({ pair, plan, options }, { files, left, finish }),
      say: (text) => rest.resume?.note(`${out}: ${text}`),
      onTensor(i) {
        const { name, begin, end } = post.tensors.get(plan[i]!.name)!
        onTensor?.(name, end - begin)
      },
    })
  }
  const { config, configText } = post.config ? post : base
  const writeFolder = (described: object) =>
    writeCheckpoint(out, {
      ...rest,
      ...described,
      plan,
      tensors: write,
      config,
      configText,
      copyFrom: homeOf(post),
      tokenizerFrom: companionsOf(post),
    })
  try {
    await (describe ? withDescription(describe, engine, writeFolder) : writeFolder({}))
  } finally {
    await engine.close()
  }
  if (onWarning) new Set(found.flatMap(({ warnings }) => warnings)).forEach(onWarning)
  return summarise(pair, plan, options, found)
}

async function summarise(
  pair: Pair,
  plan: readonly PlannedEdit[],
  { steps, seed }: EditCheckpointOptions,
  found: readonly EditFound[],
): Promise<EditSummary> {
  const sums = { parameters: 0, kept: 0, bits: 0, inputSquares: 0, changeSquares: 0, odd: 0 }
  const edited = editedIn(plan)
  for (const i of edited) {
    const { name, shape } = plan[i]!
    const { kept, bits, inputSquares, changeSquares } = found[i]!
    sums.parameters += countEntries(shape)
    sums.kept += kept
    sums.bits += bits ?? (await bitsOf(steps, shape, kept, drawContext(pair, name, seed)))
    sums.inputSquares += inputSquares
    sums.changeSquares += changeSquares
    if (!isMatrix(name, shape)) sums.odd++
  }
  const { parameters, kept, bits, inputSquares, changeSquares, odd } = sums
  return {
    tensors: edited.length,
    parameters,
    kept,
    bits_per_parameter: bits / (parameters || 1),
    delta_norm: Math.sqrt(inputSquares),
    edit_norm: Math.sqrt(changeSquares),
    passed: steps.some(({ editor }) => editor.reads === 'matrix') ? odd : 0,
  }
}
