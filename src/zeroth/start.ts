// Where tuning starts: the weights of a base by name, and what reads them.
import { companionsOf, homeOf, type StoredPlace } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { checkClass, type Model, modelOf } from '../models/index.js'
import { openModel } from '../sources/index.js'
import type { Point } from './probe.js'

/** Where tuning starts. */
export interface Start {
  model: Model
  point: Point
  /** Where the stored weights lie; none of those that are computed from what is stored. */
  places: ReadonlyMap<string, StoredPlace>
  config: Record<string, unknown>
  configText: string | null
  /** Folder of what the model needs besides its weights, and that of the tokenizer. */
  home: string
  companions: string
  /** SHA-256 of the files by name, and those of the weights in one word. */
  hashes: Record<string, string>
  identity: string
}

/** Only the weights identify a base; its config.json may be written in another way. */
const weightsOf = (hashes: Record<string, string>) =>
  Object.entries(hashes)
    .filter(([file]) => file.endsWith('.safetensors'))
    .map(([, hash]) => hash)
    .join(' ')

/** The weights of a model (folder, or name on the hub) by name, and what reads them; `root` is the folder that paths are relative to. */
export async function readPoint(reference: string, root?: string): Promise<Start> {
  const checkpoint = await openModel(reference, { root, check: checkClass })
  try {
    if (!checkpoint.config) throw new UserError(`${reference}: config.json is missing`)
    const model = modelOf(checkpoint, reference)
    const point: Point = new Map()
    const places = new Map<string, StoredPlace>()
    for (const name of Object.keys(model.shapes)) {
      point.set(name, await checkpoint.read(name))
      const place = checkpoint.place(name)
      if (place) places.set(name, place)
    }
    const hashes = await checkpoint.hashes()
    return {
      model,
      point,
      places,
      hashes,
      identity: weightsOf(hashes),
      config: checkpoint.config,
      configText: checkpoint.configText,
      home: homeOf(checkpoint),
      companions: companionsOf(checkpoint),
    }
  } finally {
    await checkpoint.close()
  }
}
