// The parts of which pages choose: norms, linear layers and MLPs.
import { type Tensor, tf } from '../tensor/index.js'
import { gateBy } from './activations.js'
import type { LayerPart, Norm } from './decoder-page.js'
import { layerNorm, linear, plus, rmsNorm, standardize } from './layers.js'
import type { Weights } from './model.js'
import type { Shapes } from './shapes.js'
import { show } from './watch.js'

/** x / sqrt(mean(x²) + ε) · w, or · (1 + w) where it is shifted. */
export const rms =
  (epsilon: number, shifted = false): Norm =>
  (book, name, width) => {
    book.affine(name, [width], false)
    if (shifted) book.shifted.push(`${name}.weight`)
    return (x, weights) => {
      const weight = weights[`${name}.weight`]!
      return rmsNorm(x, shifted ? weight.add(1) : weight, epsilon)
    }
  }

/** LayerNorm with a weight and a bias, unless it has neither. */
export const centred =
  (epsilon: number, affine = true): Norm =>
  (book, name, width) => {
    if (!affine) return (x) => standardize(x, epsilon)
    book.affine(name, [width], true)
    return (x, weights) => layerNorm(x, weights, name, epsilon)
  }

export interface DenseSizes {
  from: number
  to: number
  bias: boolean
  /** Stored [in, out]. */
  transposed?: boolean | undefined
}

/** Declares a linear layer and gives it. */
export function dense(book: Shapes, name: string, { from, to, bias, transposed = false }: DenseSizes) {
  book.matrix(name, transposed ? [from, to] : [to, from], bias, transposed)
  if (!transposed) return (x: Tensor, weights: Weights): Tensor => linear(x, weights, name)
  return (x: Tensor, weights: Weights): Tensor => {
    show(weights, `${name}.weight`, x)
    const product = tf.matMul(x as tf.Tensor2D, weights[`${name}.weight`] as tf.Tensor2D)
    return bias ? plus(product, weights[`${name}.bias`]!) : product
  }
}

export interface Mlp {
  width: number
  inner: number
  activation: (x: Tensor) => Tensor
  bias: boolean
  transposed?: boolean
}

/** down(activation(gate x) · up x). Names are below the layer. */
export const gated =
  ({ width, inner, activation, bias }: Mlp, at = 'mlp.'): LayerPart =>
  (book, layer) => {
    const gate = dense(book, `${layer}${at}gate_proj`, { from: width, to: inner, bias })
    const up = dense(book, `${layer}${at}up_proj`, { from: width, to: inner, bias })
    const down = dense(book, `${layer}${at}down_proj`, { from: inner, to: width, bias })
    return (x, weights) => down(gateBy(activation, gate(x, weights), up(x, weights)), weights)
  }

/** The same with one matrix for gate | up. */
export const gatedFused =
  ({ width, inner, activation, bias }: Mlp, names: { open: string; close: string }): LayerPart =>
  (book, layer) => {
    const open = dense(book, layer + names.open, { from: width, to: 2 * inner, bias })
    const close = dense(book, layer + names.close, { from: inner, to: width, bias })
    return (x, weights) => {
      const [gate, up] = tf.split(open(x, weights), 2, 1)
      return close(gateBy(activation, gate!, up!), weights)
    }
  }

/** close(activation(open x)). */
export const ungated =
  ({ width, inner, activation, ...how }: Mlp, names: { open: string; close: string }): LayerPart =>
  (book, layer) => {
    const open = dense(book, layer + names.open, { from: width, to: inner, ...how })
    const close = dense(book, layer + names.close, { from: inner, to: width, ...how })
    return (x, weights) => close(activation(open(x, weights)), weights)
  }
