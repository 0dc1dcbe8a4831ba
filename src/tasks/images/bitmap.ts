// The pixels of an image file, as Pillow's `open(path).convert('RGB')` gives them: JPEG, and PNG of any depth.
import { decode as decodeJpeg } from '@cwasm/jpeg-turbo'
import { convertIndexedToRgb, decode as decodePng } from 'fast-png'
import { reasonOf, UserError } from '../../errors/index.js'
import { readBytes } from '../../schema/index.js'

export interface Bitmap {
  width: number
  height: number
  /** Bytes [height, width, 3]. */
  rgb: Uint8Array
}

/** By its first bytes, whatever it is called. @throws UserError: it is missing, of another format, or broken */
export function readBitmap(path: string): Bitmap {
  const bytes = readBytes(path)
  const jpeg = bytes[0] === 0xff && bytes[1] === 0xd8
  try {
    return jpeg ? fromJpeg(bytes) : fromPng(bytes)
  } catch (cause) {
    const wanted = jpeg
      ? 'not a JPEG image of grey or of three colours that can be read'
      : 'not a JPEG or PNG image that can be read'
    throw new UserError(`${path}: ${wanted}: ${reasonOf(cause)}`, { cause })
  }
}

function fromJpeg(bytes: Uint8Array): Bitmap {
  const { width, height, data } = decodeJpeg(bytes)
  return { width, height, rgb: coloursOf(data, 4, width * height) }
}

/** Transparency is dropped; of 16 bits the upper 8 are kept. */
function fromPng(bytes: Uint8Array): Bitmap {
  const png = decodePng(bytes)
  const { width, height, depth } = png
  // Grey of 1, 2 or 4 bits is packed like a palette's indices, and is one.
  const levels =
    depth < 8
      ? Array.from({ length: 2 ** depth }, (_, i) => Array<number>(3).fill((255 * i) / (2 ** depth - 1)))
      : undefined
  const palette = png.palette ?? levels
  if (palette)
    return {
      width,
      height,
      rgb: coloursOf(convertIndexedToRgb({ ...png, palette } as typeof png), palette[0]!.length, width * height),
    }
  const data = depth === 16 ? (png.data as Uint16Array).map((value) => value >> 8) : png.data
  return { width, height, rgb: coloursOf(data, png.channels, width * height) }
}

/** Grey has one channel (two with transparency), which is used for all three colours. */
function coloursOf(data: ArrayLike<number>, channels: number, count: number): Uint8Array {
  const rgb = new Uint8Array(3 * count)
  const [green, blue] = channels >= 3 ? [1, 2] : [0, 0]
  for (let i = 0; i < count; i++) {
    rgb[3 * i] = data[i * channels]!
    rgb[3 * i + 1] = data[i * channels + green]!
    rgb[3 * i + 2] = data[i * channels + blue]!
  }
  return rgb
}

/** @throws UserError, without a place, for a part that is outside the image */
export function cutBitmap(
  { width, height, rgb }: Bitmap,
  [left, top, w, h]: readonly [number, number, number, number],
): Bitmap {
  if (left + w > width || top + h > height)
    throw new UserError(`[${left}, ${top}, ${w}, ${h}] is outside the image of ${width} × ${height} pixels`)
  const part = new Uint8Array(3 * w * h)
  for (let y = 0; y < h; y++)
    part.set(rgb.subarray(3 * ((top + y) * width + left), 3 * ((top + y) * width + left + w)), 3 * y * w)
  return { width: w, height: h, rgb: part }
}
