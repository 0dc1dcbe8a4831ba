// Rows that lie group after group, each group with a matrix of its own: the products of fused experts. Only the matrices of groups
// that have rows are touched, and the derivatives are such products again, so that they hold to any order.
import { type Tensor, type Tensor3D, tf } from '../tensor/index.js'

/** Where each group with rows lies. */
export function filledGroups(sizes: readonly number[]): { group: number; at: number; size: number }[] {
  let at = 0
  return sizes.map((size, group) => ({ group, at: (at += size) - size, size })).filter(({ size }) => size > 0)
}

type Two = (a: Tensor, b: Tensor) => Tensor

/** A function of two tensors with its derivative in differentiable operations. */
const ofTwo =
  (value: Two, derivative: (a: Tensor, b: Tensor, dy: Tensor) => [Tensor, Tensor]): Two =>
  (one, two) =>
    tf.customGrad((a, b, save) => {
      ;(save as (tensors: Tensor[]) => void)([a as Tensor, b as Tensor])
      return {
        value: value(a as Tensor, b as Tensor),
        gradFunc: (dy: Tensor, [x, y]: Tensor[]) => derivative(x!, y!, dy),
      }
    })(one, two)

/**
 * Each group of rows times its matrix.
 * @param x [rows, inner]
 * @param w a matrix per group: [groups, outer, inner] where `turned` (x·wᵀ), else [groups, inner, outer]
 * @returns [rows, outer]
 */
export function groupedProduct(x: Tensor, w: Tensor, sizes: readonly number[], turned = true): Tensor {
  return ofTwo(
    (rows, matrices) => {
      const products = filledGroups(sizes).map(({ group, at, size }) =>
        tf.matMul(rowsAt(rows, at, size), matrixOf(matrices, group), false, turned),
      )
      return products.length === 1 ? products[0]! : tf.concat(products, 0)
    },
    (rows, matrices, dy) => [
      groupedProduct(dy, matrices, sizes, !turned),
      turned ? groupedOuter(dy, rows, sizes) : groupedOuter(rows, dy, sizes),
    ],
  )(x, w)
}

/** uᵀ·v of each group of rows, [rows, m] and [rows, n] → [groups, m, n]; 0 for a group without rows. */
function groupedOuter(u: Tensor, v: Tensor, sizes: readonly number[]): Tensor {
  return ofTwo(
    (left, right) => {
      const shape = [left.shape[1]!, right.shape[1]!] as [number, number]
      const found = new Map(
        filledGroups(sizes).map(({ group, at, size }) => [
          group,
          tf.matMul(rowsAt(left, at, size), rowsAt(right, at, size), true),
        ]),
      )
      const none = tf.zeros(shape)
      return tf.stack(sizes.map((_, group) => found.get(group) ?? none))
    },
    (left, right, dy) => [groupedProduct(right, dy, sizes, true), groupedProduct(left, dy, sizes, false)],
  )(u, v)
}

const rowsAt = (x: Tensor, at: number, size: number) => x.slice([at, 0], [size, -1]) as tf.Tensor2D

const matrixOf = (w: Tensor, group: number) =>
  (w as Tensor3D).slice([group, 0, 0], [1, -1, -1]).squeeze([0]) as tf.Tensor2D
