// The edit of a model larger than memory: the change T = F(Δ) − Δ is written to a scratch checkpoint, one portion of a tensor in
// memory at a time, and read from there block by block.
import { join } from 'node:path'
import { openCheckpoint, type Pair, roleOf, selectTensors, writeCheckpoint } from '../checkpoint/index.js'
import type { Edit } from '../config/index.js'
import { readInput } from '../edit/index.js'
import { needsGradient, needsGram, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { rowsOf } from '../loss/index.js'
import type { Source, Steer } from '../models/index.js'
import { countEntries } from '../tensor/index.js'
import { editTensors, rowPortions } from './edit.js'
import { countTensors, type EditedModel } from './edited-model.js'

/** Entries that are edited at a time where the editors allow it. */
const PORTION = 1 << 21
/** Copies of the edited values in memory at a time: read, edited and written ones, and garbage that is not collected yet. */
const COPIES = 5

export interface Scratch {
  /** An existing folder, which the caller removes. */
  folder: string
  /** Bound on the bytes of values in memory. */
  bytes: number
  seed: number | null
  /** The steps of the edit with their editors. */
  steps: readonly Step[]
  /** The post-trained weights, which the edited model moves away from. */
  post: Source
  /** Called with a sentence when an editor degenerates on a tensor. */
  warn: (text: string) => void
}

/** @throws UserError for an editor that needs more than the weights */
function checkEditors(steps: readonly Step[]): void {
  const needy = steps.find((step) => needsGradient(step) || needsGram(step))
  if (needy)
    throw new UserError(
      `${needy.editor.name} with these options needs more of the model than its weights, which is not measured within a memory bound: leave out --memory`,
    )
}

/** @throws UserError where a tensor that must be edited whole does not fit, with the least bound that would do */
function checkFit(steps: readonly Step[], shapes: ReadonlyMap<string, readonly number[]>, bound: number): void {
  for (const [name, shape] of shapes) {
    const [rows] = rowPortions(steps, shape, PORTION)
    const entries = rows ? countEntries([rows.to - rows.from, ...shape.slice(1)]) : countEntries(shape)
    const needed = 4 * COPIES * entries
    if (needed <= bound) continue
    const editors = steps.map(({ editor }) => editor.name).join(', ')
    throw new UserError(
      `a memory bound of ${Math.floor(bound / 1e6)} MB is too small to edit ${name} [${shape}] by ${editors}; ` +
        `the least that would do is ${Math.ceil(needed / 1e6)} MB, or leave the tensor out with --exclude`,
    )
  }
}

/**
 * Edits the selected tensors of a pair within a bound on memory.
 * @throws UserError before any work for an editor that needs a gradient or Gram matrices, and for a bound that is too small
 */
export async function writeEdited(
  pair: Pair,
  edit: Edit,
  { folder, bytes, seed, steps, post, warn }: Scratch,
): Promise<EditedModel> {
  const entries = pair.names.map((name) => pair.post.tensors.get(name)!)
  const shapes = new Map(selectTensors(entries, edit.tensors).map((name) => [name, pair.post.tensors.get(name)!.shape]))
  checkEditors(steps)
  checkFit(steps, shapes, bytes)
  const counter = countTensors()
  const input = {
    shapes,
    config: pair.post.config,
    read: (name: string, on: Edit['on'], rows: Parameters<Steer['read']>[1]) => readInput(pair, name, on, rows),
  }
  async function* contents() {
    const parts = editTensors(input, { steps, on: edit.on }, { seed, portion: PORTION, warn })
    for await (const { name, first, input: before, values, counts } of parts) {
      for (let i = 0; i < values.length; i++) values[i]! -= before[i]!
      const shape = shapes.get(name)!
      if (counts) counter.add(name, { ...counts, role: roleOf(name, shape), parameters: countEntries(shape) })
      yield { name, values, first }
    }
  }
  const at = join(folder, 'change')
  await writeCheckpoint(at, {
    plan: [...shapes].map(([name, shape]) => ({ name, shape, dtype: 'F32' })),
    tensors: contents(),
  })
  const change = await openCheckpoint(at)
  const counts = counter.finish()
  const moving = [...counts.tensors].filter(([, { editNorm }]) => editNorm > 0).map(([name]) => name)
  const steer: Steer = { names: new Set(moving), read: rowsOf(change) }
  return { ...counts, weights: post.moved(steer, 1), change: steer, dispose: () => change.close() }
}
