// Items of images: a folder with a folder for each class, as torchvision's ImageFolder reads it, or rows that name a file,
// a part of it, and a label.
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { UserError } from '../../errors/index.js'
import { checkValue } from '../../schema/index.js'
import type { ItemBase } from '../base.js'
import type { PlacedRow } from '../cards/rows.js'
import type { Crop } from './pixels.js'

export interface ImageItem extends ItemBase {
  /** Path of a JPEG or PNG file. */
  image: string
  /** Part of the image: left, top, width, height in pixels. The whole image by default. */
  crop?: Crop
  /** Index of the right class. */
  label: number
}

const IMAGE = /\.(jpe?g|png)$/i

/** Classes are the folders in alphabetical order; images are JPEG or PNG. @throws UserError for a folder without classes or images */
export function imagesOfClasses(folder: string): { classes: string[]; items: ImageItem[] } {
  if (!existsSync(folder))
    throw new UserError(`${folder} does not exist; give a folder with a folder of images for each class`)
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const classes = folders.map(({ name }) => name).sort()
  const items = classes.flatMap((name, label) =>
    readdirSync(join(folder, name))
      .filter((file) => IMAGE.test(file))
      .sort()
      .map(
        (file): ImageItem => ({
          id: `${name}/${file}`,
          prompt: '',
          target: '',
          fields: {},
          image: join(folder, name, file),
          label,
        }),
      ),
  )
  if (items.length === 0) throw new UserError(`${folder} holds no JPEG or PNG images in folders, one for each class`)
  return { classes, items }
}

const edge = z.int().nonnegative()
const ImageRow = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  image: z.string().min(1),
  crop: z.tuple([edge, edge, z.int().positive(), z.int().positive()]).optional(),
  label: z.union([edge, z.tuple([edge], edge)]),
})

export interface PlacedImage extends Pick<ImageItem, 'id' | 'image' | 'crop'> {
  /** Right classes: one of an item, several where a trainer may ask for any of them. */
  labels: [number, ...number[]]
}

/** Images that rows name, relative to the file at `path`. @throws UserError with path and line */
export function imagesIn(path: string, rows: readonly PlacedRow[]): PlacedImage[] {
  return rows.map(({ where, number, row }) => {
    const { id = number, image, crop, label } = checkValue(ImageRow, row, where)
    const labels: PlacedImage['labels'] = typeof label === 'number' ? [label] : label
    return { id: String(id), image: resolve(dirname(path), image), ...(crop && { crop }), labels }
  })
}
