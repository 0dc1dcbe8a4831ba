// Looking at what linear layers are fed, for methods that weigh errors by their inputs (GPTQ, RegMean).
import type { Tensor } from '../tensor/index.js'
import type { Weights } from './model.js'

/**
 * Called with the name of the weight and its input [tokens, in], which belongs to the pass: keep a copy, not it.
 * @param tokens the numbers of the tokens in the batch where it is fed some of them (an expert)
 */
export type Observer = (weight: string, input: Tensor, tokens?: Int32Array) => void

const OBSERVER = Symbol('observer')

/** The same weights; a pass with them shows the input of every linear layer to the observer. */
export const watched = (weights: Weights, observe: Observer): Weights =>
  Object.assign({ ...weights }, { [OBSERVER]: observe })

const observerOf = (weights: Weights) => (weights as unknown as { [OBSERVER]?: Observer })[OBSERVER]

/** Whether a pass with these weights is looked at. */
export const isWatched = (weights: Weights): boolean => observerOf(weights) !== undefined

export function show(weights: Weights, name: string, input: Tensor, tokens?: Int32Array): void {
  observerOf(weights)?.(name, input, tokens)
}

/** Weights under other names. @param names of each that is wanted, with the one that it has in `weights` */
export function underNames(weights: Weights, names: readonly (readonly [name: string, stored: string])[]): Weights {
  const own = Object.fromEntries(names.map(([name, stored]) => [name, weights[stored]!]))
  const observe = observerOf(weights)
  if (!observe) return own
  const stored = new Map(names)
  return watched(own, (name, ...shown) => observe(stored.get(name) ?? name, ...shown))
}
