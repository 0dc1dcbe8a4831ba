// What the tensors of architectures that cannot be run are put together of.
import type { Shapes } from './layout.js'

export const WIDTH = 32
export const INNER = 64
export const affine = (name: string, ...shape: number[]): Shapes => ({
  [`${name}.weight`]: shape,
  [`${name}.bias`]: [shape[0]!],
})
export const all = (...parts: Shapes[]): Shapes => Object.assign({}, ...parts)
export const twice = (layer: (index: number) => Shapes): Shapes => all(layer(0), layer(1))
