// Images in another size, to the byte as Pillow resizes them: a filter that widens as the image shrinks, columns then rows,
// weights of 22 bits, and bytes in between.
import type { Bitmap } from './bitmap.js'

interface Filter {
  /** Weight at a distance, in pixels of the smaller of both images; nothing beyond `reach`. */
  weight(distance: number): number
  reach: number
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))

/** By Pillow's numbers, which preprocessor_config.json uses. */
export const FILTERS = {
  1: { reach: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
  2: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  3: { reach: 2, weight: bicubic },
} as const satisfies Record<number, Filter>
export type FilterNumber = keyof typeof FILTERS

/** Keys 1981 with a = −1/2. */
function bicubic(distance: number): number {
  const x = Math.abs(distance)
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1
  return x < 2 ? -0.5 * (((x - 5) * x + 8) * x - 4) : 0
}

const BITS = 22

/** Where each new pixel reads from, and with which weights, in units of 2^−22. */
function weightsFor(from: number, to: number, { reach, weight }: Filter): { start: number; weights: Int32Array }[] {
  const scale = from / to
  const wide = Math.max(1, scale)
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale
    const start = Math.max(0, Math.trunc(centre - reach * wide + 0.5))
    const end = Math.min(from, Math.trunc(centre + reach * wide + 0.5))
    const weights = Array.from({ length: end - start }, (_, k) => weight((k + start - centre + 0.5) / wide))
    const sum = weights.reduce((a, b) => a + b, 0)
    return {
      start,
      weights: Int32Array.from(weights, (each) => Math.trunc((each / sum) * 2 ** BITS + (each < 0 ? -0.5 : 0.5))),
    }
  })
}

/** The image in the given size; an edge that keeps its length is not filtered. */
export function resizeBitmap(
  image: Bitmap,
  { width, height }: { width: number; height: number },
  filter: FilterNumber,
): Bitmap {
  const wide = image.width === width ? image.rgb : new Uint8Array(3 * width * image.height)
  if (wide !== image.rgb) {
    const columns = weightsFor(image.width, width, FILTERS[filter])
    for (let y = 0; y < image.height; y++)
      columns.forEach((each, x) => blend(image.rgb, 3 * y * image.width, 3, each, wide, 3 * (y * width + x)))
  }
  if (image.height === height) return { width, height, rgb: wide }
  const rgb = new Uint8Array(3 * width * height)
  weightsFor(image.height, height, FILTERS[filter]).forEach((each, y) => {
    for (let x = 0; x < width; x++) blend(wide, 3 * x, 3 * width, each, rgb, 3 * (y * width + x))
  })
  return { width, height, rgb }
}

/** One new pixel from a row or column of pixels that are `stride` bytes apart. */
function blend(
  from: Uint8Array,
  origin: number,
  stride: number,
  { start, weights }: { start: number; weights: Int32Array },
  to: Uint8Array,
  at: number,
): void {
  let [red, green, blue] = [1 << (BITS - 1), 1 << (BITS - 1), 1 << (BITS - 1)]
  for (let k = 0, i = origin + start * stride; k < weights.length; k++, i += stride) {
    red += from[i]! * weights[k]!
    green += from[i + 1]! * weights[k]!
    blue += from[i + 2]! * weights[k]!
  }
  to[at] = clip(red)
  to[at + 1] = clip(green)
  to[at + 2] = clip(blue)
}

const clip = (sum: number) => Math.max(0, Math.min(255, sum >> BITS))
