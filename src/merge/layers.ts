// Which tensors a merged model has: those of the layers of every slice, under their new numbers, and those outside the layers.
import { type Checkpoint, layerOf, roleOf } from '../checkpoint/index.js'
import { isPassedOver, type NamedConfig } from '../naming/index.js'
import { staysFirst } from './layer-places.js'

/** Layers [first, end) of a model. */
export type LayerSpan = readonly [first: number, end: number]

/** One run of layers of the result. */
interface StackedRun {
  /** Names of all tensors of its reference: the base, or its first source. */
  names: readonly string[]
  /** Its config.json. */
  config: NamedConfig
  reference: LayerSpan
  sources: readonly LayerSpan[]
}

/** A tensor of the result. */
export interface Slot {
  name: string
  /** Index of the run whose sources and parameters hold for it. */
  run: number
  /** Its name in the reference of the run, and in each source. */
  reference: string
  sources: readonly string[]
  /** Place along the layers of the run, 0 to 1; 0 outside the layers. */
  t: number
}

/** The number of its layer; null outside the layers, where those that predict further tokens stand too, and what the first holds for all. */
const ownLayer = (name: string, config: NamedConfig): number | null =>
  isPassedOver(name, config) || staysFirst(name, config) ? null : layerOf(name)

type Layered = Pick<Checkpoint, 'tensors' | 'config'>

/** How many layers these names are of; there may be hundreds of thousands of names. */
const depthOf = (names: Iterable<string>, config: NamedConfig): number => {
  let depth = 0
  for (const name of names) depth = Math.max(depth, (ownLayer(name, config) ?? -1) + 1)
  return depth
}

export const layerCount = ({ tensors, config }: Layered): number => depthOf(tensors.keys(), config)

/** How many layers there are under each prefix: an encoder and a decoder have stacks of their own. */
export function stacksOf({ tensors, config }: Layered): Map<string, number> {
  const stacks = new Map<string, number>()
  for (const name of tensors.keys()) {
    const layer = ownLayer(name, config)
    if (layer === null) continue
    const prefix = name.slice(0, name.indexOf(`.${layer}.`))
    stacks.set(prefix, Math.max(stacks.get(prefix) ?? 0, layer + 1))
  }
  return stacks
}

/** The name with another layer number. */
export function atLayer(name: string, layer: number): string {
  return name.replace(/((?:^|\.)(?:layers?|h|blocks?)\.)\d+(?=\.)/, `$1${layer}`)
}

/** Embeddings, and what stands in their module, such as their norm. */
const isInput = (name: string): boolean =>
  roleOf(name, []) === 'embedding' ||
  /(^|\.)embeddings\.|(^|\.)(embed|embeddings?|word_embeddings)_(layer)?norm\./.test(name)

/**
 * The tensors of the result. Embeddings are those of the first run, all else outside the layers those of the last; layers are
 * evenly spaced from t = 0 to 1, a single one stands at 1. Layers that predict further tokens stay behind the last one.
 */
export function listSlots(runs: readonly StackedRun[]): Slot[] {
  const inputs: Slot[] = []
  const layers: Slot[] = []
  const outputs: Slot[] = []
  let layer = 0
  for (const [run, { names, config, reference, sources }] of runs.entries()) {
    const [first, end] = reference
    const own = new Map<number | null, string[]>()
    for (const name of names) {
      const of = ownLayer(name, config)
      if (!own.get(of)?.push(name)) own.set(of, [name])
    }
    for (let i = 0; first + i < end; i++, layer++) {
      const t = end - first === 1 ? 1 : i / (end - first - 1)
      for (const name of own.get(first + i) ?? []) {
        layers.push({
          name: atLayer(name, layer),
          run,
          reference: name,
          sources: sources.map(([start]) => atLayer(name, start + i)),
          t,
        })
      }
    }
    const depth = depthOf(names, config)
    for (const reference of own.get(null) ?? []) {
      const further = (layerOf(reference) ?? -1) - depth
      const name = further < 0 ? reference : atLayer(reference, layer + further)
      const slot = { name, run, reference, sources: sources.map(() => reference), t: 0 }
      const isFirst = further < 0 && (isInput(reference) || staysFirst(reference, config))
      if (isFirst ? run === 0 : run === runs.length - 1) (isFirst ? inputs : outputs).push(slot)
    }
  }
  return [...inputs, ...layers, ...outputs]
}
