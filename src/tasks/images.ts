// A folder of images with a folder for each class, as torchvision's ImageFolder reads it.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import type { Item } from './task.js'

const IMAGE = /\.(jpe?g|png)$/i

/** Classes are the folders in alphabetical order; images are JPEG or PNG. @throws UserError for a folder without classes or images */
export function imageItems(folder: string): { classes: string[]; items: Item[] } {
  if (!existsSync(folder)) throw new UserError(`${folder} does not exist; give a folder with a folder of images for each class`)
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const classes = folders.map(({ name }) => name).sort()
  const items = classes.flatMap((name, label) =>
    readdirSync(join(folder, name)).filter((file) => IMAGE.test(file)).sort().map((file): Item => ({
      id: `${name}/${file}`, prompt: '', target: '', fields: {}, image: join(folder, name, file), label,
    })),
  )
  if (items.length === 0) throw new UserError(`${folder} holds no JPEG or PNG images in folders, one for each class`)
  return { classes, items }
}
