// Architectures by the words that config.json uses, and the pass through a chain of blocks.
import { unknown, UserError } from '../errors/index.js'
import type { Tensor } from '../tensor/index.js'
import { llama } from './llama.js'
import type { Inputs, Model, Weights } from './model.js'

export * from './model.js'
export * from './inputs.js'

export interface Architecture {
  name: string
  /** `model_type` words of config.json. */
  modelTypes: string[]
  cite: string
  make(config: Record<string, unknown>): Model
}

export const architectures: Architecture[] = [
  { name: 'llama', modelTypes: ['llama'], cite: 'Touvron et al. 2023 (arXiv 2302.13971); Dubey et al. 2024 (arXiv 2407.21783)', make: llama },
]

/**
 * The model that a config.json describes.
 * @param shapes shapes found in the checkpoint; every tensor the model needs must be there with the right shape.
 * @throws UserError for an unknown architecture, or naming every missing or misshapen tensor.
 */
export function loadModel(config: Record<string, unknown>, shapes?: Record<string, readonly number[]>): Model {
  const type = String(config.model_type ?? '')
  const architecture = architectures.find((a) => a.modelTypes.includes(type))
  if (!architecture) throw unknown('model_type in config.json', type, architectures.flatMap((a) => a.modelTypes))
  const model = architecture.make(config)
  if (shapes) {
    const wrong = Object.entries(model.shapes).flatMap(([name, shape]) => {
      const found = shapes[name]
      if (!found) return [`${name} is missing`]
      return String(found) === String(shape) ? [] : [`${name} is [${found}], config.json says [${shape}]`]
    })
    if (wrong.length) throw new UserError(`checkpoint does not fit its config.json: ${wrong.slice(0, 8).join('; ')}${wrong.length > 8 ? `; and ${wrong.length - 8} more` : ''}`)
  }
  return model
}

/** Logits [wanted or rows * columns, vocabulary] of a batch. */
export function forward(model: Model, weights: Weights, inputs: Inputs): Tensor {
  return model.blocks.reduce<Tensor | null>((hidden, block) => block.apply(weights, hidden, inputs), null)!
}
