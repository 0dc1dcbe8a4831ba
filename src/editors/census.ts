// What a chain must know of the whole model before a tensor of it is edited: only its first editor can ask.
import { UserError } from '../errors/index.js'
import { matrixName } from './apply.js'
import type { ModelDeltas, Step } from './editor.js'

const asks = ({ editor, options }: Step): boolean => Boolean(editor.needsCensus?.(options))

/** @throws UserError when a step after the first reads the whole model: it would need the edited deltas of all tensors. */
export function checkChain(steps: readonly Step[]): void {
  const late = steps.slice(1).find(asks)
  if (late)
    throw new UserError(
      `${late.editor.name} with these options reads the whole model, which only the first editor of a chain can`,
    )
}

/**
 * What the steps must know of the whole model before a tensor of it is edited, per step; reads `deltas` only if one asks.
 * Throws what checkChain throws.
 */
export async function takeCensus(steps: readonly Step[], deltas: ModelDeltas): Promise<unknown[]> {
  checkChain(steps)
  return Promise.all(
    steps.map((step) =>
      asks(step) ? step.editor.census!(step.editor.perMatrix ? apart(deltas) : deltas, step.options) : undefined,
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
