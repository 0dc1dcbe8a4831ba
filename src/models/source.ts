// Where a pass takes its weights from: tensors that are held anyway, or a reader that brings one stretch of the chain at a
// time. The pass is the same for both.
import { countEntries, type Tensor, tf } from '../tensor/index.js'
import type { Block, Model, Weights } from './model.js'

/** Rows from … to − 1 of the first axis; or units of a split block. */
export interface Rows {
  from: number
  to: number
}

/** Neighbouring blocks that are held, and differentiated, as one; or one block whose split weights come in parts of their units. */
export interface Stretch {
  blocks: Block[]
  /** [null] but for a block in parts. */
  parts: (Rows | null)[]
}

export interface Held {
  weights: Weights
  dispose(): void
}

/** A direction in which weights move: T of the path W + t·T, for the tensors in `names`. */
export interface Steer {
  names: ReadonlySet<string>
  read(name: string, rows: Rows | null): Promise<Float32Array>
}

export interface Plan {
  stretches: Stretch[]
  /** Padded tokens whose hidden states may be kept at a time; batches beyond that follow in another walk through the chain. */
  together: number
  /** Padded tokens of the largest batch that is reckoned with. */
  largest: number
}

export interface Source extends Plan {
  /** Starts reading the weights of a part; the result puts them on the backend. */
  fetch(stretch: Stretch, part: Rows | null): Promise<() => Held>
  /** The same weights moved by t·T. */
  moved(steer: Steer, t: number): Source
}

/** Float32 values of a tensor, or of some of its rows. */
export type ReadRows = (name: string, rows: Rows | null) => Promise<Float32Array>

/** Values of a change that are read at a time: the change of a vocabulary's matrix would double what is held of it. */
const PORTION = 1 << 22

/** The rows (all when null) of a tensor in portions that are small enough to be read beside it; `at` is the first value's place among them. */
export function portionsOf(shape: readonly number[], rows: Rows | null): { rows: Rows | null; at: number }[] {
  const width = countEntries(shape.slice(1))
  const { from, to } = rows ?? { from: 0, to: shape[0] ?? 1 }
  const step = Math.max(1, Math.floor(PORTION / width))
  if (to - from <= step) return [{ rows, at: 0 }]
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => {
    const first = from + i * step
    return { rows: { from: first, to: Math.min(to, first + step) }, at: i * step * width }
  })
}

/** The weights that a part brings: all but those of units outside of it. */
export function namesOf({ blocks }: Stretch, part: Rows | null): string[] {
  const brought = ({ weights, split }: Block) => {
    if (!part || !split) return weights
    return weights.filter((name) => {
      const unit = split.first?.includes(name) ? 0 : (split.single?.get(name) ?? part.from)
      return unit >= part.from && unit < part.to
    })
  }
  return [...new Set(blocks.flatMap(brought))]
}

/** The rows of one tensor that a part brings. */
function rowsOf({ blocks }: Stretch, name: string, part: Rows | null): Rows | null {
  return part && blocks[0]!.split!.weights.includes(name) ? part : null
}

const shapeOf = (shape: readonly number[], rows: Rows | null) =>
  rows ? [rows.to - rows.from, ...shape.slice(1)] : [...shape]

/** What a part would bring, of weights that are held. */
function partOf(weights: Weights, stretch: Stretch, part: Rows): Held {
  const rows: Weights = {}
  const own = namesOf(stretch, part).map((name) => {
    if (rowsOf(stretch, name, part)) rows[name] = weights[name]!.slice(part.from, part.to - part.from)
    return [name, rows[name] ?? weights[name]!] as const
  })
  return { weights: Object.fromEntries(own), dispose: () => tf.dispose(rows) }
}

/** Weights that stay where they are. The whole chain is one stretch unless others are given: a tape is kept of one stretch at a time. */
export function holding(
  model: Model,
  weights: Weights,
  stretches: Stretch[] = [{ blocks: model.blocks, parts: [null] }],
): Source {
  const upload = (stretch: Stretch, part: Rows | null): Held =>
    part ? partOf(weights, stretch, part) : { weights, dispose: () => {} }
  return {
    stretches,
    together: 0,
    largest: Infinity,
    fetch: async (stretch, part) => () => upload(stretch, part),
    moved: (steer, t) => ({
      ...holding(model, weights, stretches),
      async fetch(stretch, part) {
        if (t === 0) return () => upload(stretch, part)
        const names = namesOf(stretch, part).filter((name) => steer.names.has(name))
        const steps = await Promise.all(names.map((name) => steer.read(name, rowsOf(stretch, name, part))))
        return () => {
          const still = upload(stretch, part)
          const move = (name: string, i: number): Tensor =>
            tf.tidy(() => {
              const before = still.weights[name]!
              return before.add(tf.tensor(steps[i]!, before.shape).mul(t))
            })
          const moved = Object.fromEntries(names.map((name, i) => [name, move(name, i)]))
          const dispose = () => {
            tf.dispose(moved)
            still.dispose()
          }
          return { weights: { ...still.weights, ...moved }, dispose }
        }
      },
    }),
  }
}

/** Weights that are read part by part, and forgotten after each. */
export function streaming(model: Model, plan: Plan, read: ReadRows): Source {
  return {
    ...plan,
    async fetch(stretch, part) {
      const names = namesOf(stretch, part)
      const rows = names.map((name) => rowsOf(stretch, name, part))
      const values: Float32Array[] = await Promise.all(names.map((name, i) => read(name, rows[i]!)))
      return () => {
        const upload = (name: string, i: number) => tf.tensor(values[i]!, shapeOf(model.shapes[name]!, rows[i]!))
        const weights = Object.fromEntries(names.map((name, i) => [name, upload(name, i)]))
        values.length = 0 // nobody needs them twice
        return { weights, dispose: () => tf.dispose(weights) }
      }
    },
    moved: (steer, t) =>
      streaming(model, plan, async (name, rows) => {
        const still = read(name, rows)
        if (t === 0 || !steer.names.has(name)) return still
        // Rounded like the float32 operations on tensors, so that both kinds of source give the same bits.
        const scale = Math.fround(t)
        const [first, ...others] = portionsOf(model.shapes[name]!, rows)
        const [values, start] = await Promise.all([still, steer.read(name, first!.rows)])
        const move = (at: number, step: Float32Array) => {
          for (let i = 0; i < step.length; i++) values[at + i]! += Math.fround(scale * step[i]!)
        }
        move(first!.at, start)
        for (const { rows: portion, at } of others) move(at, await steer.read(name, portion))
        return values
      }),
  }
}

/** Callers may give plain weights for weights that are held. */
export function sourceOf(model: Model, weights: Weights | Source): Source {
  return typeof weights.fetch === 'function' ? (weights as Source) : holding(model, weights as Weights)
}

export { rowsOf }
