// Applies one edit to the selected tensors of a pair, one after the other; a large tensor can be edited in portions of rows.
import { type Checkpoint, matricesOf, matrixLayout } from '../checkpoint/index.js'
import type { Edit } from '../config/index.js'
import { bitsOf, type ChangeSums, editsBlocks, editTensor, type Step, scanModel } from '../editors/index.js'
import type { Gradient } from '../loss/index.js'
import type { Rows } from '../models/index.js'
import { track } from '../progress/index.js'
import { countEntries } from '../tensor/index.js'
import { type HeldModel, holdModel } from './edited-model.js'
import type { LoadedPair } from './loaded-pair.js'

/** The tensors to edit, and how to read them. */
export interface EditInput {
  shapes: ReadonlyMap<string, readonly number[]>
  /** config.json of the model. */
  config: Checkpoint['config']
  /** post − base, or post itself, of some rows of a tensor (all when null): float32, row-major; not to be changed. */
  read(name: string, on: Edit['on'], rows: Rows | null): Promise<Float32Array>
}

export interface EditSettings {
  seed: number | null
  /** Of the loss, at the post-trained weights. */
  gradient?: Gradient | null
  /** XᵀX of the inputs of linear layers. */
  grams?: ReadonlyMap<string, Float32Array> | undefined
  /** What editors prepared of these tensors (SVDs), shared by the runs of a sweep. */
  cache?: Map<string, Promise<unknown>>
  /** Entries that are edited at a time where the editors allow it; whole tensors by default. */
  portion?: number
  /** Called with a sentence when an editor degenerates on a tensor. */
  warn: (text: string) => void
}

/** The edited values of a tensor, or of the rows of it that begin at entry `first`. */
export interface EditedPart {
  name: string
  first: number
  input: Float32Array
  values: Float32Array
  /** Counts of the whole tensor; null until its last part. */
  counts: { kept: number; changeSquares: number; deltaSquares: number; bits: number } | null
}

/** Applies the steps to every tensor of the input, in its order. */
export async function* editTensors(
  { shapes, config, read }: EditInput,
  { steps, on }: { steps: readonly Step[]; on: Edit['on'] },
  { seed, gradient, grams, cache, portion = Infinity, warn }: EditSettings,
): AsyncGenerator<EditedPart> {
  const scanned = await scanModel(steps, async function* () {
    for (const [name, shape] of shapes) yield [name, await read(name, on, null), matricesOf({ name, shape })] as const
  })
  for (const [name, shape] of shapes) {
    const context = {
      seed: seed ?? 0,
      tensor: name,
      ...matrixLayout(name, shape, config),
      gradient: gradient?.get(name),
      gram: grams?.get(name),
      scanned,
      onWarning: warn,
      cache: cache ?? new Map<string, Promise<unknown>>(),
    }
    let sums: ChangeSums = { kept: 0, inputSquares: 0, changeSquares: 0 }
    let deltaSquares = 0
    const portions = rowPortions(steps, shape, portion)
    for (const [i, rows] of portions.entries()) {
      const input = await read(name, on, rows)
      const first = rows ? rows.from * rowSize(shape) : 0
      const { values, ...more } = await editTensor(steps, input, shape, {
        ...context,
        ...(rows && { offset: first }),
        before: sums,
      })
      sums = more
      if (on === 'weights') for (const entry of await read(name, 'delta', rows)) deltaSquares += entry * entry
      const { kept, inputSquares, changeSquares } = sums
      const counts =
        i === portions.length - 1
          ? {
              kept,
              changeSquares,
              deltaSquares: on === 'delta' ? inputSquares : deltaSquares,
              bits: await bitsOf(steps, shape, kept, context),
            }
          : null
      yield { name, first, input, values, counts }
    }
  }
}

const rowSize = (shape: readonly number[]) => countEntries(shape.slice(1))

/** The rows that are edited at a time, of about `portion` entries; [null] for the whole tensor. */
export function rowPortions(steps: readonly Step[], shape: readonly number[], portion: number): (Rows | null)[] {
  const [height = 1] = shape
  if (countEntries(shape) <= portion || !editsBlocks(steps)) return [null]
  const rows = Math.max(1, Math.floor(portion / rowSize(shape)))
  return Array.from({ length: Math.ceil(height / rows) }, (_, i) => ({
    from: i * rows,
    to: Math.min(height, (i + 1) * rows),
  }))
}

/** The edit in memory: W = base + F(Δ), or W = F(post) where it is on the weights. */
export async function applyEdit(home: LoadedPair, edit: Edit, settings: EditSettings): Promise<HeldModel> {
  const input: EditInput = {
    shapes: new Map(home.select(edit.tensors).map((name) => [name, home.tensor(name).shape])),
    config: home.stored.config,
    async read(name, on) {
      const { delta, post } = home.tensor(name)
      return on === 'delta' ? delta : ((await post.data()) as Float32Array)
    },
  }
  return holdModel(home, async (take) => {
    const parts = editTensors(
      input,
      { steps: home.registry.steps(edit.steps), on: edit.on },
      { ...settings, cache: home.caches[edit.on] },
    )
    const sizes = new Map([...input.shapes].map(([name, shape]) => [name, countEntries(shape)]))
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    await track({ name: 'edit', unit: '%', total }, async ({ add }) => {
      for await (const { name, values, counts } of parts) {
        await take(name, edit.on, values, counts!)
        add(sizes.get(name)!)
      }
    })
  })
}
