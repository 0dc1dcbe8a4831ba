// What a chain must know of the whole model before a tensor of it is edited: only its first editor can ask.
import { UserError } from '../errors/index.js'
import { matrixName } from './apply.js'
import { isPerMatrix, type ModelDeltas, needsModel, type Step } from './editor.js'

/** @throws UserError when a step after the first reads the whole model: it would need the edited deltas of all tensors. */
export function checkChain(steps: readonly Step[]): void {
  const late = steps.slice(1).find(needsModel)
  if (late)
    throw new UserError(
      `${late.editor.name} with these options reads the whole model, which only the first editor of a chain can`,
    )
}

/**
 * What each step must know of the whole model before a tensor of it is edited; reads `deltas` only where a step asks.
 * @throws UserError as checkChain does
 */
export async function scanModel(steps: readonly Step[], deltas: ModelDeltas): Promise<unknown[]> {
  checkChain(steps)
  return Promise.all(
    steps.map(({ editor, options }) =>
      editor.reads === 'model' && editor.needsModel(options)
        ? editor.scanModel(isPerMatrix(editor) ? apart(deltas) : deltas, options)
        : undefined,
    ),
  )
}

/** The matrices of a batch one by one, under their own names. */
const apart = (deltas: ModelDeltas): ModelDeltas =>
  async function* () {
    for await (const [tensor, values, matrices = 1] of deltas()) {
      const size = values.length / matrices
      if (matrices === 1) yield [tensor, values]
      else for (let i = 0; i < matrices; i++) yield [matrixName(tensor, i), values.subarray(i * size, (i + 1) * size)]
    }
  }
