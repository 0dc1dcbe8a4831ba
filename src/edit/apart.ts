// The edit of one tensor by itself, into a file that it has alone: the edited delta, or the edited weights.
import { open } from 'node:fs/promises'
import { type Pair, streamInto, type WritableDtype, writeTensor } from '../checkpoint/index.js'
import { applySteps, programOf, type Step } from '../editors/index.js'
import { type TensorProgram, together } from '../kernels/index.js'
import type { StreamEngine } from '../stream/index.js'
import { drawContext, editWeights, readInput } from './tensor.js'

export interface ApartEdit {
  steps: readonly Step[]
  seed: number
  /** What the editors must know of all tensors. */
  scanned: readonly unknown[]
  /** What is written. */
  of: 'delta' | 'weights'
}

/** Whether the edit of a tensor needs TensorFlow.js, because a step has no program on kernels. */
export const editNeedsBackend = (pair: Pair, name: string, { steps, seed }: Pick<ApartEdit, 'steps' | 'seed'>) =>
  programOf(steps, pair.post.tensors.get(name)!.shape, drawContext(pair, name, seed)) === null

/**
 * Writes the edited delta in float32, or the edited weights as `edit` writes them.
 * @param file is made
 * @returns what the editors warn of
 * @throws UserError for inputs and results that are not finite
 */
export async function editApart(
  pair: Pair,
  name: string,
  { steps, seed, scanned, of }: ApartEdit,
  { engine, file }: { engine: StreamEngine; file: string },
): Promise<readonly string[]> {
  const { shape, dtype: stored } = pair.post.tensors.get(name)!
  const dtype = (of === 'delta' ? 'F32' : stored) as WritableDtype
  await (await open(file, 'w')).close()
  const program = programOf(steps, shape, drawContext(pair, name, seed))
  if (program) {
    const work = {
      shape,
      base: { checkpoint: pair.base, name },
      models: [{ checkpoint: pair.post, name }],
      deltas: [true],
      program: written(program, of),
    }
    return streamInto(engine, work, name, { file, begin: 0, dtype })
  }
  if (of === 'weights') {
    const { values, found } = await editWeights(pair, name, { steps, seed, on: 'delta', scanned }, null)
    await writeTensor({ name, shape, dtype }, { file, begin: 0 }, { values })
    return found.warnings
  }
  const warnings: string[] = []
  const context = { ...drawContext(pair, name, seed), scanned, onWarning: (text: string) => void warnings.push(text) }
  const values = await applySteps(steps, await readInput(pair, name, 'delta'), shape, context)
  await writeTensor({ name, shape, dtype }, { file, begin: 0 }, { values })
  return warnings
}

function* written(
  program: NonNullable<ReturnType<typeof programOf>>,
  of: ApartEdit['of'],
): TensorProgram<readonly string[]> {
  const [warnings] = yield* together([program])
  yield {
    reductions: [],
    write: { combine: { combine: 'sum', weights: [1] }, finish: of === 'delta' ? 'plain' : 'restore' },
  }
  return warnings!
}
