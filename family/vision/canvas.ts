// A 16×16 RGB canvas: colours, smooth shapes by supersampling, noise, rounding to bytes.
import type { Random } from '../random.js'

/** Side of a drawn image in pixels. */
export const SIDE = 16

/** Red, green and blue from 0 to 1. */
export type Colour = readonly [number, number, number]

export const COLOURS: Readonly<Record<string, Colour>> = {
  red: [1, 0.2, 0.2],
  green: [0.2, 0.9, 0.2],
  blue: [0.3, 0.4, 1],
  yellow: [1, 0.9, 0.1],
  magenta: [1, 0.2, 0.9],
  cyan: [0.1, 0.9, 0.9],
}

/** A figure in a plane: how much of the ink is at (x, y), 0 to 1, in pixels from the top left corner. */
export type Ink = (x: number, y: number) => number

/** Row-major [SIDE, SIDE, 3], 0 to 1. */
export type Canvas = Float64Array

export function startCanvas(colour: Colour): Canvas {
  return Float64Array.from({ length: SIDE * SIDE * 3 }, (_, i) => colour[i % 3]!)
}

/** Points per side of a pixel at which ink is looked up. */
const SAMPLES = 3

/** Lays ink of one colour over what is there. */
export function paint(canvas: Canvas, ink: Ink, colour: Colour): void {
  for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
    const [left, top] = [pixel % SIDE, Math.floor(pixel / SIDE)]
    let sum = 0
    for (let i = 0; i < SAMPLES * SAMPLES; i++) {
      sum += ink(left + ((i % SAMPLES) + 0.5) / SAMPLES, top + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES)
    }
    const share = sum / SAMPLES ** 2
    for (let channel = 0; channel < 3; channel++)
      canvas[pixel * 3 + channel]! += share * (colour[channel]! - canvas[pixel * 3 + channel]!)
  }
}

/**
 * Bytes of a canvas with noise of this standard deviation on every value. A draw is twice the centred sum of three uniform
 * numbers (variance 1): sums of floats are the same on every machine, logarithms are not.
 */
export function develop(canvas: Canvas, noise: number, random: Random): Uint8Array {
  return Uint8Array.from(canvas, (value) => {
    const draw = noise === 0 ? 0 : 2 * (random.uniform() + random.uniform() + random.uniform() - 1.5)
    return Math.round(255 * Math.min(1, Math.max(0, value + noise * draw)))
  })
}
