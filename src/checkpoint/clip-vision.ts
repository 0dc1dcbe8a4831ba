// The image tower of CLIP alone used as a post-trained model, as the fine-tunes of task vectors are published: a
// view of its base whose other tensors (text tower, projections, scale) are the base's.

import type { Checkpoint } from './checkpoint.js'
import { companionsOf, homeOf } from './home.js'
import { renamed } from './renamed.js'

type Config = Checkpoint['config']

/** Whether `post` is (by its config.json) the image tower of a model like `base`. */
export const isClipVision = (post: Config, base: Config): boolean =>
  post?.model_type === 'clip_vision_model' && base?.model_type === 'clip'

/** The tower `given`, whose names may lack `vision_model.` (transformers 5), with what it lacks of `base`, which stays open and is the caller's. */
export function completeClip(given: Checkpoint, base: Checkpoint): Checkpoint {
  const names = [...given.tensors.keys()].filter(
    (name) => !base.tensors.has(name) && base.tensors.has(`vision_model.${name}`),
  )
  const tower = renamed(given, new Map(names.map((name) => [`vision_model.${name}`, name])))
  const holder = (name: string) => (tower.tensors.has(name) ? tower : base)
  return {
    ...tower,
    config: base.config,
    configText: base.configText,
    home: homeOf(base),
    companions: companionsOf(base),
    tensors: new Map([...base.tensors, ...tower.tensors]),
    read: (name) => holder(name).read(name),
    readEntries: (name, entries) => holder(name).readEntries(name, entries),
    readBytes: (name) => holder(name).readBytes(name),
    place: (name) => holder(name).place(name),
  }
}
