// Finds a task by the name of a card, by the path of a card, or by the path of a bare JSONL file.
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError, unknown } from '../errors/index.js'
import type { ResolveOptions } from '../hub/index.js'
import { type Card, readCard, within } from './cards/card.js'
import { loadExamples, loadRows, withShots } from './cards/data.js'
import { delimiterOf, describeData, makeItems } from './cards/items.js'
import { classPrompts } from './images/classes.js'
import { imageItems, imagesIn } from './images/images.js'
import { metricsFor } from './scoring/metrics.js'
import type { Item, Task } from './task.js'

/** checkpoints/tasks (the miniature family's) and tasks (the field's benchmarks) of the package, wherever the command is started. */
export const SHIPPED = ['checkpoints/tasks', 'tasks'].map((folder) =>
  fileURLToPath(new URL(`../../../${folder}`, import.meta.url)),
)

export interface TaskOptions extends ResolveOptions {
  /** Folders searched for `<name>.yaml`, the first hit wins. Default: the shipped tasks. */
  roots?: readonly string[]
  /** Metric of a bare JSONL file; a card names its own. Default exact_match. */
  metric?: string | undefined
}

/**
 * `math`, `mmlu:5` (with five examples), `cards/mine.yaml` or `mine.jsonl`. A bare file takes its name, version 1, and room
 * for its longest target. Data of the hub is downloaded.
 * UserError: unknown name or metric, missing file, or whatever the card or a line gets wrong, with path and line.
 */
export async function loadTask(nameOrPath: string, options: TaskOptions = {}): Promise<Task> {
  const { source, shots } = partsOf(nameOrPath)
  return extname(source) === '.jsonl'
    ? loadBare(source, options.metric ?? 'exact_match')
    : loadCard(findCard(source, options.roots), shots, options)
}

/** What identifies a task, and its kind, without its data: nothing is downloaded. @throws UserError for an unknown name or a wrong card */
export function identifyTask(nameOrPath: string): Pick<TaskSummary, 'name' | 'version' | 'kind' | 'metric'> {
  const { source, shots } = partsOf(nameOrPath)
  if (extname(source) === '.jsonl')
    return { name: basename(source, '.jsonl'), version: 1, kind: 'generate', metric: 'exact_match' }
  const { name, version, kind, metrics } = findCard(source)
  return { name: nameWith(name, shots), version, kind, metric: metrics[0]! }
}

function partsOf(nameOrPath: string): { source: string; shots: string | undefined } {
  const [, source, shots] = /^(.*?)(?::(\d+))?$/s.exec(nameOrPath)!
  return { source: source!, shots }
}

const nameWith = (name: string, shots: string | undefined) => (shots === undefined ? name : `${name}:${shots}`)

function findCard(source: string, roots: readonly string[] = SHIPPED): Card {
  if (/\.ya?ml$/.test(source)) return readCard(source)
  const root = roots.find((folder) => existsSync(join(folder, `${source}.yaml`)))
  if (root === undefined) throw unknown('task', source, [...cardsIn(roots).keys()])
  return readCard(join(root, `${source}.yaml`))
}

/** What is known of a task without its data. */
export interface TaskSummary extends Pick<Task, 'name' | 'version' | 'description' | 'metric'> {
  kind: Card['kind']
  data: string
  /** Number of items of a local file; null for data of the hub. */
  n: number | null
}

/** Every task of the roots in alphabetical order; nothing is downloaded. */
export async function listTasks(roots: readonly string[] = SHIPPED): Promise<TaskSummary[]> {
  const summaries: TaskSummary[] = []
  for (const [, path] of [...cardsIn(roots)].sort(([one], [two]) => (one < two ? -1 : 1))) {
    const card = readCard(path)
    const { name, version, description, kind, metrics } = card
    const local = typeof card.data === 'string' && extname(card.data) !== ''
    summaries.push({
      name,
      version,
      description,
      metric: metrics[0]!,
      kind,
      data: describeData(card),
      n: local ? (await loadRows(card)).length : null,
    })
  }
  return summaries
}

function cardsIn(roots: readonly string[]): Map<string, string> {
  const cards = new Map<string, string>()
  for (const root of roots.filter((folder) => existsSync(folder))) {
    for (const file of readdirSync(root)) {
      const name = basename(file, '.yaml')
      if (file.endsWith('.yaml') && !cards.has(name)) cards.set(name, join(root, file))
    }
  }
  return cards
}

async function loadCard(given: Card, shots: string | undefined, options: TaskOptions): Promise<Task> {
  const card = withShots(given, shots === undefined ? undefined : Number(shots))
  const { name, version, description, kind, metrics, stop, filters, ignore } = card
  const [metric = '', ...others] = metrics
  const task = {
    name: nameWith(name, shots),
    version,
    description,
    ...(kind !== 'generate' && { kind }),
    metric,
    ...(others.length && { others }),
    ...(delimiterOf(card) && { delimiter: delimiterOf(card) }),
    maxNewTokens: card.max_new_tokens ?? 0,
    ...(stop && { stop }),
    ...(filters && { filters }),
    ...(ignore && { ignore }),
  }
  if (kind !== 'images')
    return {
      ...task,
      items: makeItems(card, await loadRows(card, undefined, options), await loadExamples(card, options)),
    } as Task
  const loaded: Task = {
    ...task,
    kind,
    ...(await loadImages(card)),
    ...(card.templates && { templates: card.templates }),
  }
  // A template that cannot be filled is found here, before any model is asked.
  if (card.templates && loaded.classes)
    within(
      () => classPrompts(loaded),
      (message) => card.errorAt('templates', `templates: ${message}`),
    )
  return loaded
}

/** A folder for each class, or a file that names images, the parts of them, and labels. */
async function loadImages(card: Card): Promise<Pick<Task, 'classes' | 'items'>> {
  const { data, path, classes, errorAt } = card
  if (typeof data !== 'string')
    throw errorAt(
      'data',
      'data: a task of the kind images needs a folder with a folder per class, or a file that lists images',
    )
  if (extname(data) === '') {
    const found = imageItems(resolve(dirname(path), data))
    if (classes && classes.length !== found.classes.length)
      throw errorAt('classes', `classes: ${classes.length} names for the ${found.classes.length} folders of ${data}`)
    return { ...found, ...(classes && { classes }) }
  }
  const items = imagesIn(resolve(dirname(path), data), await loadRows(card)).map(
    ({ labels: [label], ...place }): Item => ({ ...place, prompt: '', target: '', fields: {}, label }),
  )
  const stray = classes && items.find(({ label }) => label! >= classes.length)
  if (stray)
    throw errorAt('classes', `classes: ${classes.length} names, but item ${stray.id} has the label ${stray.label}`)
  return { ...(classes && { classes }), items }
}

async function loadBare(path: string, metric: string): Promise<Task> {
  const known = metricsFor('generate')
  if (!known.includes(metric)) throw unknown('metric', metric, known)
  if (!existsSync(path)) throw new UserError(`${path} does not exist`)
  const bare = { name: basename(path, '.jsonl'), version: 1, description: `items of ${basename(path)}` }
  const errorAt = (_: string, message: string) => new UserError(`${path}: ${message}`)
  const card: Card = {
    ...bare,
    kind: 'generate',
    path,
    data: basename(path),
    preamble: '',
    prompt: '{{prompt}}',
    target: '{{target}}',
    metrics: [metric],
    errorAt,
  }
  const items = makeItems(card, await loadRows(card))
  // No common tokenizer makes more tokens than bytes; one more for end-of-text.
  const maxNewTokens = 1 + Math.max(...items.map((item) => Buffer.byteLength(item.target)))
  return { ...bare, metric, maxNewTokens, items }
}
