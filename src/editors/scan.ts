// Scans the whole model for the editors that need it. Only the first editor of a chain can: later ones would need edited deltas.
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
 * What each step must know of the whole model before a tensor is edited; undefined for steps that need nothing. Reads `deltas` only
 * if a step needs them.
 * @throws UserError when a step after the first reads the whole model
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
