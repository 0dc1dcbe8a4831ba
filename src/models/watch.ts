// Looking at what linear layers are fed, for methods that weigh errors by their inputs (GPTQ, RegMean).
import type { Tensor } from '../tensor/index.js'
import type { Weights } from './model.js'

/** Called with the name of the weight [out, in] and its input [tokens, in], which belongs to the pass: keep a copy, not it. */
export type Observer = (weight: string, input: Tensor) => void

const OBSERVER = Symbol('observer')

/** The same weights; a pass with them shows the input of every linear layer to the observer. */
export const watched = (weights: Weights, observe: Observer): Weights =>
  Object.assign({ ...weights }, { [OBSERVER]: observe })

export function show(weights: Weights, name: string, input: Tensor): void {
  const { [OBSERVER]: observe } = weights as unknown as { [OBSERVER]?: Observer }
  observe?.(name, input)
}
