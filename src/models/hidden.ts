// The last hidden states of a model: what its layers, and the norm over all positions after them, make of a batch before any head.
import { UserError } from '../errors/index.js'
import type { Tensor } from '../tensor/index.js'
import { forward } from './chain.js'
import type { Inputs, Model, Weights } from './model.js'

/**
 * [rows * columns, width] under weights that are held, as transformers' last_hidden_state. `inputs` must be those of all positions.
 * @throws UserError for a model without layers
 */
export function hiddenStates(model: Model, weights: Weights, inputs: Inputs): Tensor {
  const last = model.blocks.findLastIndex(({ name }) => name === 'norm' || name.startsWith('layer '))
  if (last < 0) throw new UserError(`a model of ${model.architecture} without layers has no hidden states`)
  return forward({ ...model, blocks: model.blocks.slice(0, last + 1) }, weights, inputs)
}
