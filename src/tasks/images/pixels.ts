// Pixels of images as a model is given them: cut out, resized, cropped at the centre, scaled and normalised by preprocessor_config.json.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { UserError, unknown } from '../../errors/index.js'
import { checkValue, readObject } from '../../schema/index.js'
import { type Bitmap, cutBitmap, readBitmap } from './bitmap.js'
import { type FilterNumber, resizeBitmap } from './resample.js'

/** Left, top, width and height in pixels. */
export type Crop = readonly [number, number, number, number]

interface Size {
  height: number
  width: number
}

/** What preprocessor_config.json says: values are bytes · factor, minus the mean, over the deviation, per channel. */
export interface ImageReader {
  /** Height and width that the model is given. */
  size: Size
  /** What an image is resized to: the size, or the length of its shorter edge. Nothing where images come in their size. */
  resize?: { to: Size | number; filter: FilterNumber }
  /** The middle of `size` is cut out, with black where the image is smaller. */
  crop?: boolean
  factor: number
  mean: number[]
  deviation: number[]
}

const rgb = z.tuple([z.number(), z.number(), z.number()])
const side = z.int().positive()
const square = side.transform((edge): Size => ({ height: edge, width: edge }))
const size = z.object({ height: side, width: side })

type ImageKind = 'ViT' | 'CLIP' | 'Siglip'

/** The defaults of transformers' image processors; an edge alone means the shorter one to CLIP, and a square to ViT; SigLIP wants both. */
const settingsOf = (kind: ImageKind, clip = kind === 'CLIP') =>
  z.object({
    do_resize: z.boolean().default(true),
    size: z
      .union(
        kind === 'Siglip'
          ? [size]
          : [size, z.object({ shortest_edge: side }).transform((each) => each.shortest_edge), clip ? side : square],
      )
      .default(clip ? 224 : { height: 224, width: 224 }),
    resample: z.literal([1, 2, 3], 'must be 1 (Lanczos), 2 (bilinear) or 3 (bicubic)').default(kind === 'ViT' ? 2 : 3),
    do_center_crop: z.boolean().default(clip),
    crop_size: z.union([size, square]).default({ height: 224, width: 224 }),
    do_rescale: z.boolean().default(true),
    rescale_factor: z
      .number()
      .positive()
      .default(1 / 255),
    do_normalize: z.boolean().default(true),
    image_mean: rgb.default(clip ? [0.48145466, 0.4578275, 0.40821073] : [0.5, 0.5, 0.5]),
    image_std: rgb.default(clip ? [0.26862954, 0.26130258, 0.27577711] : [0.5, 0.5, 0.5]),
  })

const Kind = z.object({
  image_processor_type: z.string().optional(),
  feature_extractor_type: z.string().optional(),
  do_center_crop: z.boolean().optional(),
})
const KINDS: ImageKind[] = ['ViT', 'CLIP', 'Siglip']
const PROCESSORS = KINDS.map((kind) => `${kind}ImageProcessor`)

const PREPROCESSOR = 'preprocessor_config.json'
const PROCESSOR = 'processor_config.json'

/** What processor_config.json of transformers 5 says of images; undefined where it says nothing, as in files of version 4. */
const nestedIn = (folder: string): unknown =>
  existsSync(join(folder, PROCESSOR)) ? readObject(join(folder, PROCESSOR)).image_processor : undefined

/** The file of a folder that says how images are made ready: the one that transformers takes; null where there is none. */
export function imageFile(folder: string): 'processor_config.json' | 'preprocessor_config.json' | null {
  if (nestedIn(folder) !== undefined) return PROCESSOR
  return existsSync(join(folder, PREPROCESSOR)) ? PREPROCESSOR : null
}

/**
 * Reads what a model folder says of images, as transformers' CLIPImageProcessor, ViTImageProcessor and SiglipImageProcessor do: `image_processor` of
 * processor_config.json, or else preprocessor_config.json.
 * @throws UserError when it is missing, is that of another kind of model, or says what cannot be
 */
export async function loadImageReader(folder: string): Promise<ImageReader> {
  const nested = nestedIn(folder)
  const path = join(folder, nested === undefined ? PREPROCESSOR : PROCESSOR)
  const value = nested ?? readObject(path, 'is missing; the folder of an image model must hold it')
  const kind = checkValue(Kind, value, path)
  const named = (kind.image_processor_type ?? kind.feature_extractor_type)
    ?.replace(/FeatureExtractor$/, 'ImageProcessor')
    .replace(/Fast$/, '')
  if (named !== undefined && !PROCESSORS.includes(named))
    throw new UserError(`${path}: ${unknown('image_processor_type', named, PROCESSORS).message}`)
  // Files without a kind are those of early models, where only CLIP's speak of a crop.
  const data = checkValue(
    settingsOf(KINDS.find((each) => named?.startsWith(each)) ?? (kind.do_center_crop === undefined ? 'ViT' : 'CLIP')),
    value,
    path,
  )
  const final = data.do_center_crop ? data.crop_size : data.size
  if (typeof final === 'number')
    throw new UserError(
      `${path}: size: a shortest edge alone gives images of many sizes; do_center_crop must be true, or size have height and width`,
    )
  return {
    size: final,
    ...(data.do_resize && { resize: { to: data.size, filter: data.resample } }),
    ...(data.do_center_crop && { crop: true }),
    factor: data.do_rescale ? data.rescale_factor : 1,
    mean: data.do_normalize ? data.image_mean : [0, 0, 0],
    deviation: data.do_normalize ? data.image_std : [1, 1, 1],
  }
}

/**
 * Normalised pixels [images, 3, height, width] in one array. A file that images in a row are cut from is decoded once.
 * @param onImage called after each
 */
export function readPixels(
  images: readonly { image: string; crop?: Crop | undefined }[],
  reader: ImageReader,
  onImage: (images: number) => void = () => undefined,
): Float32Array {
  const size = 3 * reader.size.height * reader.size.width
  const pixels = new Float32Array(images.length * size)
  let sheet: { path: string; bitmap: Bitmap } | undefined
  for (const [index, { image, crop }] of images.entries()) {
    if (sheet?.path !== image) sheet = { path: image, bitmap: readBitmap(image) }
    try {
      const part = crop ? cutBitmap(sheet.bitmap, crop) : sheet.bitmap
      place(pixels.subarray(index * size, (index + 1) * size), resized(part, reader), reader)
    } catch (error) {
      throw error instanceof UserError ? new UserError(`${image}: ${error.message}`) : error
    }
    onImage(1)
  }
  return pixels
}

function resized(image: Bitmap, { resize }: ImageReader): Bitmap {
  if (!resize) return image
  const { to, filter } = resize
  if (typeof to !== 'number') return resizeBitmap(image, to, filter)
  const { width, height } = image
  // The longer edge is rounded down, as transformers does.
  const long = Math.trunc((to * Math.max(width, height)) / Math.min(width, height))
  return resizeBitmap(image, width <= height ? { width: to, height: long } : { width: long, height: to }, filter)
}

function place(
  to: Float32Array,
  image: Bitmap,
  { size: { height, width }, crop, factor, mean, deviation }: ImageReader,
): void {
  if (!crop && (image.width !== width || image.height !== height)) {
    throw new UserError(
      `the image is ${image.width} × ${image.height} pixels, the model reads ${width} × ${height}, and its preprocessor_config.json says do_resize: false`,
    )
  }
  const [left, top] = [Math.floor((image.width - width) / 2), Math.floor((image.height - height) / 2)]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = x + left >= 0 && x + left < image.width && y + top >= 0 && y + top < image.height
      const from = 3 * ((y + top) * image.width + x + left)
      for (let channel = 0; channel < 3; channel++) {
        const byte = inside ? image.rgb[from + channel]! : 0
        to[(channel * height + y) * width + x] = (byte * factor - mean[channel]!) / deviation[channel]!
      }
    }
  }
}
