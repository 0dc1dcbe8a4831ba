// Tasks that are answered by the class of an image.
import { extname } from 'node:path'
import { UserError, within } from '../../errors/index.js'
import type { ResolveOptions } from '../../hub/index.js'
import { placeIn } from '../../schema/index.js'
import type { TaskBase } from '../base.js'
import type { Card } from '../cards/card.js'
import { loadRows } from '../cards/data.js'
import { classPrompts } from '../images/classes.js'
import { type ImageItem, imagesIn, imagesOfClasses } from '../images/images.js'
import type { CardKind } from './kind.js'

/** A task of image classification. */
export interface ImageTask extends TaskBase {
  /** How answers are scored. */
  kind: 'images'
  /** Names of the classes. */
  classes?: string[]
  /** Jinja templates over `class`: how a zero-shot model is asked for a class. */
  templates?: string[]
  /** What the text tower of a zero-shot model makes of the classes: [classes, features], row-major, of unit length. */
  features?: Float32Array
  /** Its items, in the order of the data. */
  items: ImageItem[]
}

export const imageCards: CardKind<ImageTask> = {
  needs: [],
  metrics: ['acc'],
  delimiter: '',
  async load(card, options) {
    const { name, templates } = card
    const { classes, items } = await loadImages(card, options)
    // A template that cannot be filled is found here, before any model is asked.
    if (templates && classes) within(['templates'], () => classPrompts({ name, classes, templates }))
    return { ...(classes && { classes }), items, ...(templates && { templates }) }
  },
}

/** A folder for each class, or rows that name images, the parts of them, and labels. */
async function loadImages(card: Card, options: ResolveOptions): Promise<Pick<ImageTask, 'classes' | 'items'>> {
  const { data, folder, classes } = card
  if (typeof data !== 'string')
    throw new UserError(
      'a task of the kind images needs a folder with a folder per class, or a file that lists images',
      { path: ['data'] },
    )
  if (!card.rows && extname(data) === '') {
    const found = imagesOfClasses(placeIn(folder, data))
    if (classes && classes.length !== found.classes.length)
      throw new UserError(`${classes.length} names for the ${found.classes.length} folders of ${data}`, {
        path: ['classes'],
      })
    return { ...found, ...(classes && { classes }) }
  }
  const items = imagesIn(placeIn(folder, data), await loadRows(card, options)).map(
    ({ labels: [label], ...place }): ImageItem => ({ ...place, prompt: '', target: '', fields: {}, label }),
  )
  const stray = classes && items.find(({ label }) => label >= classes.length)
  if (stray)
    throw new UserError(`${classes.length} names, but item ${stray.id} has the label ${stray.label}`, {
      path: ['classes'],
    })
  return { ...(classes && { classes }), items }
}
