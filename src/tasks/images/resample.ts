// Images in another size, to the byte as Pillow resizes them: a filter that widens as the image shrinks, one edge after the other,
// weights of 22 bits, and bytes in between.
import type { Bitmap } from './bitmap.js'

interface Filter {
  /** Weight at a distance, in pixels of the smaller of both images; nothing beyond `reach`. */
  weight(distance: number): number
  reach: number
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))

/** By Pillow's numbers, which preprocessor_config.json uses. */
const FILTERS = {
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

/** The image in another width, from its rows one by one. */
function resizeRows({ width: from, height, rgb: old }: Bitmap, width: number, filter: FilterNumber): Bitmap {
  if (width === from) return { width, height, rgb: old }
  const rgb = new Uint8Array(3 * width * height)
  const pixels = weightsFor(from, width, FILTERS[filter])
  for (let y = 0; y < height; y++)
    blendLine({ rgb: old, origin: 3 * y * from, stride: 3 }, pixels, { rgb, origin: 3 * y * width, stride: 3 })
  return { width, height, rgb }
}

/** The image in another height, from its columns. */
function resizeColumns({ width, height: from, rgb: old }: Bitmap, height: number, filter: FilterNumber): Bitmap {
  if (height === from) return { width, height, rgb: old }
  const rgb = new Uint8Array(3 * width * height)
  const pixels = weightsFor(from, height, FILTERS[filter])
  const stride = 3 * width
  for (let x = 0; x < width; x++) blendLine({ rgb: old, origin: 3 * x, stride }, pixels, { rgb, origin: 3 * x, stride })
  return { width, height, rgb }
}

/**
 * The image in the given size; an edge that keeps its length is not filtered. As in Pillow 13 the height goes first where it loses
 * more than twice what the width does (Pillow 12 never does so): bytes in between make the order matter.
 */
export function resizeBitmap(
  image: Bitmap,
  { width, height }: { width: number; height: number },
  filter: FilterNumber,
): Bitmap {
  const lost = image.height - height
  if (lost > 0 && lost > 2 * (image.width - width))
    return resizeRows(resizeColumns(image, height, filter), width, filter)
  return resizeColumns(resizeRows(image, width, filter), height, filter)
}

/** A row or column of pixels that are `stride` bytes apart. */
interface Line {
  rgb: Uint8Array
  origin: number
  stride: number
}

/** The pixels of a new line from those of an old one: of each, where it reads from and with which weights. */
function blendLine(from: Line, pixels: readonly { start: number; weights: Int32Array }[], to: Line): void {
  for (const [index, { start, weights }] of pixels.entries()) {
    let [red, green, blue] = [1 << (BITS - 1), 1 << (BITS - 1), 1 << (BITS - 1)]
    for (let k = 0, i = from.origin + start * from.stride; k < weights.length; k++, i += from.stride) {
      red += from.rgb[i]! * weights[k]!
      green += from.rgb[i + 1]! * weights[k]!
      blue += from.rgb[i + 2]! * weights[k]!
    }
    const at = to.origin + index * to.stride
    to.rgb[at] = clip(red)
    to.rgb[at + 1] = clip(green)
    to.rgb[at + 2] = clip(blue)
  }
}

const clip = (sum: number) => Math.max(0, Math.min(255, sum >> BITS))
