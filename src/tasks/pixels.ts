// Pixels of images as a model is given them: PNG files decoded, cut out, scaled and normalised by preprocessor_config.json.
import { readFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decode, type DecodedPng } from 'fast-png'
import { z } from 'zod'
import { UserError } from '../errors/index.js'

/** Left, top, width and height in pixels. */
export type Crop = readonly [number, number, number, number]

/** What preprocessor_config.json says: values are bytes · factor, minus the mean, over the deviation, per channel. */
export interface ImageReader {
  /** Height and width that the model is given. */
  size: { height: number; width: number }
  factor: number
  mean: number[]
  deviation: number[]
}

const rgb = z.tuple([z.number(), z.number(), z.number()])
const Settings = z.object({
  size: z.union([z.int().positive().transform((side) => ({ height: side, width: side })), z.object({ height: z.int().positive(), width: z.int().positive() })]),
  do_rescale: z.boolean().default(true),
  rescale_factor: z.number().positive().default(1 / 255),
  do_normalize: z.boolean().default(true),
  image_mean: rgb.default([0.5, 0.5, 0.5]),
  image_std: rgb.default([0.5, 0.5, 0.5]),
})

/** Reads preprocessor_config.json of a model folder. @throws UserError when it is missing or says something else */
export async function loadImageReader(folder: string): Promise<ImageReader> {
  const path = join(folder, 'preprocessor_config.json')
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new UserError(missing ? `${path} is missing; the folder of an image model must hold it` : `${path}: ${(cause as Error).message}`, { cause })
  }
  const { data, error } = Settings.safeParse(value)
  if (!data) throw new UserError(`${path}: ${error.issues[0].path.join('.')}: ${error.issues[0].message}`)
  return {
    size: data.size,
    factor: data.do_rescale ? data.rescale_factor : 1,
    mean: data.do_normalize ? data.image_mean : [0, 0, 0],
    deviation: data.do_normalize ? data.image_std : [1, 1, 1],
  }
}

/** Normalised pixels [images, 3, height, width] in one array. A file that several images are cut from is decoded once. */
export function readPixels(images: readonly { image: string; crop?: Crop }[], reader: ImageReader): Float32Array {
  const { height, width } = reader.size
  const size = 3 * height * width
  const pixels = new Float32Array(images.length * size)
  const sheets = new Map<string, DecodedPng>()
  for (const [index, { image, crop }] of images.entries()) {
    if (!sheets.has(image)) sheets.set(image, open(image))
    const sheet = sheets.get(image)!
    place(pixels.subarray(index * size, (index + 1) * size), sheet, crop ?? [0, 0, sheet.width, sheet.height], image, reader)
  }
  return pixels
}

function open(path: string): DecodedPng {
  let sheet: DecodedPng
  try {
    sheet = decode(readFileSync(path))
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new UserError(missing ? `${path} does not exist` : `${path}: not a PNG image that can be read: ${(cause as Error).message}`, { cause })
  }
  if (sheet.depth !== 8 || sheet.palette) throw new UserError(`${path}: a PNG image of 8 bits per channel and without a palette is wanted`)
  return sheet
}

function place(to: Float32Array, sheet: DecodedPng, [left, top, w, h]: Crop, path: string, { size, factor, mean, deviation }: ImageReader): void {
  const { height, width } = size
  if (left + w > sheet.width || top + h > sheet.height) {
    throw new UserError(`${path}: [${left}, ${top}, ${w}, ${h}] is outside the image of ${sheet.width} × ${sheet.height} pixels`)
  }
  if (w !== width || h !== height) throw new UserError(`${path}: the image is ${w} × ${h} pixels, the model reads ${width} × ${height}; resize it first`)
  // Grey images have one channel (two with transparency), which stands for all three colours.
  const colours = sheet.channels >= 3 ? [0, 1, 2] : [0, 0, 0]
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const from = ((top + y) * sheet.width + left + x) * sheet.channels
      for (let channel = 0; channel < 3; channel++) {
        to[(channel * h + y) * w + x] = (sheet.data[from + colours[channel]] * factor - mean[channel]) / deviation[channel]
      }
    }
  }
}
