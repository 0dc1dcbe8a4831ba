// The last hidden states of a model: what its layers, and the norm over all positions after them, make of a batch before any head.
// Those of an encoder–decoder are its encoder's, which reads the prompt.
import { UserError } from '../errors/index.js'
import type { Tensor } from '../tensor/index.js'
import { forward } from './chain.js'
import type { Inputs, Model, Weights } from './model.js'

/**
 * [rows * columns, width] (of an encoder–decoder [rows * encoder.columns, width]) under weights that are held, as transformers'
 * last_hidden_state. `inputs` must be those of all positions.
 * @throws UserError for a model without layers
 */
export function hiddenStates(model: Model, weights: Weights, inputs: Inputs): Tensor {
  const last = model.blocks.findLastIndex(
    model.start === undefined
      ? ({ name }) => name === 'norm' || name.startsWith('layer ')
      : ({ encodes }) => encodes === true,
  )
  if (last < 0) throw new UserError(`a model of ${model.architecture} without layers has no hidden states`)
  const states = forward({ ...model, blocks: model.blocks.slice(0, last + 1) }, weights, inputs)
  const { rows, batch } = inputs
  return batch.encoder ? states.slice(0, rows * batch.encoder.columns) : states
}
