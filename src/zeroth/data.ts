// The batches of a zeroth-order run: a pure function of (seed, step), drawn with replacement.
import { type Batch, padBatch, type Sequence } from '../models/index.js'
import { loadTask, sequencesOf, type TaskCard } from '../tasks/index.js'
import { keyOf, uniformAt } from '../tensor/index.js'
import type { Tokenizer } from '../tokenizer/index.js'
import type { ZerothRecipe } from './recipe.js'

/** The first training items of the recipe: of a task of a plugin, or of a file; `at` resolves a path of the recipe. */
export async function readSequences(
  recipe: ZerothRecipe,
  tokenizer: Tokenizer,
  { at, tasks, warn }: { at: (path: string) => string; tasks: readonly TaskCard[]; warn: (text: string) => void },
): Promise<Sequence[]> {
  const { items } = await loadTask(tasks.find(({ name }) => name === recipe.items) ?? at(recipe.items))
  warnIfFewer(recipe, 'training_items', items.length, warn)
  return sequencesOf(items.slice(0, recipe.training_items), tokenizer)
}

/** Says where a recipe asks for more items than there are: all of them are used. */
export function warnIfFewer(
  recipe: ZerothRecipe,
  key: 'training_items' | 'held_out',
  found: number,
  warn: (text: string) => void,
): void {
  const [wanted, source] = [recipe[key], key === 'held_out' ? recipe.task : recipe.items]
  if (found < wanted) warn(`${key} is ${wanted}, and ${source} has ${found} items: all of them are used`)
}

/** Batch `step` of part `part` of `parts` equal shares of the sequences. */
export function batcher(
  sequences: readonly Sequence[],
  { seed, batch, pad, start }: { seed: number; batch: number; pad: number; start?: number | undefined },
  parts = 1,
) {
  return (part: number, step: number): Batch => {
    const from = Math.floor((part * sequences.length) / parts)
    const to = Math.floor(((part + 1) * sequences.length) / parts)
    const key = keyOf(seed, 'zeroth items', part)
    const rows = Array.from(
      { length: batch },
      (_, row) => from + Math.floor(uniformAt(key, step * batch + row) * (to - from)),
    )
    return { ...padBatch(sequences, rows, pad, { start }), items: Int32Array.from(rows.keys()) }
  }
}
