// Which tensors a merged model has: those of the layers of every slice, under their new numbers, and those outside the layers.
import { layerOf, roleOf, type Checkpoint } from '../checkpoint/index.js'

/** One run of layers of the result. */
export interface Run {
  /** Layers [first, end) of each source. */
  ranges: (readonly [first: number, end: number])[]
}

/** A tensor of the result. */
export interface Slot {
  name: string
  /** Index of the run whose sources and parameters hold for it. */
  run: number
  /** Its name in each source of the run; the same for all when they take the same layers. */
  names: string[]
  /** Place along the layers of the run, 0 to 1; 0 outside the layers. */
  t: number
}

export const layerCount = ({ tensors }: Pick<Checkpoint, 'tensors'>): number =>
  Math.max(0, ...[...tensors.keys()].map((name) => (layerOf(name) ?? -1) + 1))

/** The name with another layer number. */
export function atLayer(name: string, layer: number): string {
  return name.replace(/((?:^|\.)(?:layers?|h|blocks?)\.)\d+(?=\.)/, `$1${layer}`)
}

/**
 * The tensors of the result, in the order of `reference` where it stays as it is. Embeddings are those of the first run, all
 * else outside the layers those of the last; layers are evenly spaced from t = 0 to 1, a single one stands at 1.
 */
export function listSlots(runs: readonly Run[], names: readonly string[]): Slot[] {
  const outside = names.filter((name) => layerOf(name) === null)
  const first = outside.filter((name) => roleOf(name, [1, 1]) === 'embedding')
  const common = (list: string[], run: number): Slot[] =>
    list.map((name) => ({ name, run, names: runs[run].ranges.map(() => name), t: 0 }))
  const layers: Slot[] = []
  let layer = 0
  for (const [run, { ranges }] of runs.entries()) {
    const length = ranges[0][1] - ranges[0][0]
    for (let i = 0; i < length; i++, layer++) {
      const own = names.filter((name) => layerOf(name) === ranges[0][0] + i)
      const t = length === 1 ? 1 : i / (length - 1)
      layers.push(
        ...own.map((name) => ({ name: atLayer(name, layer), run, names: ranges.map(([start]) => atLayer(name, start + i)), t })),
      )
    }
  }
  return [
    ...common(first, 0),
    ...layers,
    ...common(
      outside.filter((name) => !first.includes(name)),
      runs.length - 1,
    ),
  ]
}
