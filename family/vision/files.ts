// The files of the vision family: pictures as contact sheets (one PNG of 32 columns) with a JSONL line for each.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from 'fast-png'
import { stringify } from 'yaml'
import { writeLines } from '../lines.js'
import { randomFrom } from '../random.js'
import { SIDE } from './canvas.js'
import { drawScene, type Picture, VISION_TASKS } from './scenes.js'

const COLUMNS = 32

/** Noise of scenes, and of the tasks' pictures, on values from 0 to 1. */
const NOISE = { scenes: 0.08, tasks: 0.15 }

const HELD_OUT = { count: 640, seed: 0 }

/** One PNG of all pictures, in rows. */
function sheetOf(pictures: readonly Picture[]): Uint8Array {
  const width = COLUMNS * SIDE
  const height = Math.ceil(pictures.length / COLUMNS) * SIDE
  const data = new Uint8Array(width * height * 3)
  for (const [index, { pixels }] of pictures.entries()) {
    const [left, top] = cornerOf(index)
    for (let y = 0; y < SIDE; y++)
      data.set(pixels.subarray(y * SIDE * 3, (y + 1) * SIDE * 3), ((top! + y) * width + left!) * 3)
  }
  return encode({ width, height, data, channels: 3, depth: 8 }, { zlib: { level: 9 } })
}

const cornerOf = (index: number) => [(index % COLUMNS) * SIDE, Math.floor(index / COLUMNS) * SIDE]

/** <name>.png and <name>.jsonl of {id, image, crop, label}. */
function writePictures(folder: string, name: string, id: string, pictures: readonly Picture[]): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.png`), sheetOf(pictures))
  writeLines(join(folder, `${name}.jsonl`), pictures.keys(), (index) => {
    const { labels } = pictures[index]!
    return {
      id: `${id}-${index}`,
      image: `${name}.png`,
      crop: [...cornerOf(index), SIDE, SIDE],
      label: labels.length === 1 ? labels[0] : labels,
    }
  })
}

/** Pictures of a task: those of a split have a stream of their own, and noise makes each one new. */
export function picturesOf(name: string, options: { count: number; seed: number; split: 'train' | 'test' }): Picture[] {
  const random = randomFrom('pictures', name, options.split, options.seed)
  const task = VISION_TASKS.find((each) => each.name === name)!
  return Array.from({ length: options.count }, () => task.draw(random, NOISE.tasks))
}

/** The scenes of the base; the same seed with more begins with the same ones. */
export function scenesOf({ count, seed }: { count: number; seed: number }): Picture[] {
  const random = randomFrom('scenes', seed)
  return Array.from({ length: count }, () => drawScene(random, NOISE.scenes))
}

/** preprocessor_config.json, the scenes, and each task's training pictures: what the recipes of configs/family read. */
export function writeVisionData(folder: string, options: { seed: number; scenes: number; trainItems: number }): void {
  const { seed } = options
  writePictures(folder, 'scenes.train', 'scene', scenesOf({ count: options.scenes, seed }))
  for (const { name } of VISION_TASKS)
    writePictures(
      folder,
      `${name}.train`,
      `${name}-train`,
      picturesOf(name, { count: options.trainItems, seed, split: 'train' }),
    )
  const preprocessor = {
    image_processor_type: 'ViTImageProcessor',
    do_resize: false,
    size: { height: SIDE, width: SIDE },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  }
  writeFileSync(join(folder, 'preprocessor_config.json'), `${JSON.stringify(preprocessor, null, 1)}\n`)
}

/** For each task 640 held-out pictures and a card. */
export function writeVisionTasks(folder: string): void {
  for (const { name, description, classes } of VISION_TASKS) {
    writePictures(folder, name, `${name}-test`, picturesOf(name, { ...HELD_OUT, split: 'test' }))
    const card = {
      name,
      version: 1,
      description,
      kind: 'images',
      metric: 'acc',
      data: `${name}.jsonl`,
      classes: [...classes],
    }
    writeFileSync(join(folder, `${name}.yaml`), stringify(card))
  }
}
