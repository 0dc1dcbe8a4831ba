// What stands below the table for compression: what its columns are, how many runs and items stand behind them, and which tensors
// dominate the delta.
import { firstFew } from '../errors/index.js'
import type { Row } from '../record/index.js'
import type { Post } from './compression-lines.js'
import { DISTANCES, distanceOf, isDistance } from './measures.js'
import type { TableColumn } from './table.js'
import { BITS_NOTE, chosenNote, failureNote, seedsNote } from './table-notes.js'
import { metricWords } from './words.js'

/** Sentences below the table. */
export function compressionNotes(
  rows: readonly Row[],
  posts: readonly Post[],
  columns: readonly TableColumn[],
  select: readonly string[],
): string[] {
  const done = rows.filter(({ status }) => status === 'ok')
  const failed = rows.filter(({ status }) => status === 'failed')
  const has = (name: string) => columns.some((column) => column.name === name)
  const models = [...new Set(posts.map(({ model }) => model))]
  const seeds = posts.flatMap(({ lines }) => lines.map((line) => new Set(line.rows.map(({ seed }) => seed)).size))
  return [
    models.length === 1 ? `model ${models[0]}` : '',
    select.length ? chosenNote(select) : '',
    seedsNote(seeds),
    `error is ‖F(Δ) − Δ‖ / ‖Δ‖ over the edited tensors${has('bits_per_parameter') ? ', and bits/parameter is of them alone' : ''}`,
    dominantNote(done),
    has('kl') ? 'KL is the divergence from the post-trained model in nats' : '',
    has('same_top')
      ? 'same top is the share of positions where both models find the same token or class likeliest'
      : '',
    has('perplexity_ratio') ? 'perplexity ratio is that of the edited model ÷ that of the post-trained one' : '',
    columns.some(({ name }) => isDistance(name) || name === 'score_edited') ? tasksNote(done) : '',
    has('bits_per_parameter') ? BITS_NOTE : '',
    failed.length ? failureNote(failed) : '',
  ].filter(Boolean)
}

/** How to get the divergence, in a sentence; none where rows have it. */
export function lackOf(rows: readonly Row[]): string[] {
  const has = rows.some((row) => DISTANCES.some((name) => distanceOf(row, name) !== null))
  return has
    ? []
    : [
        'no run measures the divergence from post: write `{ task: NAME, metric: [METRIC, kl] }` or `{ text: FILE, metric: kl }` in `tasks` of the experiment, and sweep again',
      ]
}

/** `math (exact match, 500 items), text (kl, 12 items)` */
function tasksNote(rows: readonly Row[]): string {
  const tasks = new Map(rows.filter(({ metric }) => metric !== null).map((row) => [row.task, row]))
  const words = [...tasks.values()].map(({ task, metric, n }) => `${task} (${metricWords(metric)}, ${n} items)`)
  return words.length ? `measured on ${words.join(', ')}` : ''
}

/**
 * Which tensors the error of the rest leaves out, with the largest share that each holds. The shares are of the edited tensors, so those
 * are named that dominate where the most tensors of a model are edited.
 */
function dominantNote(rows: readonly Row[]): string {
  const known = rows.filter(({ dominant }) => dominant !== null)
  if (known.length === 0) return 'rows of an older version have no error of the rest'
  const most = new Map<string, number>()
  for (const { model, tensors } of known) most.set(model, Math.max(tensors ?? 0, most.get(model) ?? 0))
  const widest = known.filter(({ model, tensors }) => (tensors ?? 0) === most.get(model))
  const fewer =
    widest.length < known.length ? '; an edit of fewer tensors leaves out those that dominate among them' : ''
  const found = new Map<string, number>()
  for (const { dominant } of widest)
    for (const [name, share] of Object.entries(dominant!)) found.set(name, Math.max(share, found.get(name) ?? 0))
  const words = [...found]
    .sort(([, a], [, b]) => b - a)
    .map(([name, share]) => `${name} (${(100 * share).toFixed(0)} %)`)
  return words.length
    ? `the rest is without the tensors that hold more than a tenth of ‖Δ‖²: ${firstFew(words, 4)}${fewer}`
    : `no tensor holds more than a tenth of ‖Δ‖², so the rest is all tensors${fewer}`
}
