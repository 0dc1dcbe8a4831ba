// Finds a task: one that is defined in code, a card by its name or path, or a bare JSONL file by its path.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError, unknown } from '../errors/index.js'
import type { ResolveOptions } from '../hub/index.js'
import { nounOfFile, readText } from '../schema/index.js'
import type { Card } from './cards/card.js'
import { describeData, loadRows, withShots } from './cards/data.js'
import { completeCard, readCard, withMetrics } from './cards/read.js'
import { checkHarness } from './harness.js'
import { CARD_KINDS } from './kinds/index.js'
import { checkSection, readSection, sectionName, type TaskSection, textCard } from './section.js'
import type { Task } from './task.js'

/** checkpoints/tasks (the miniature family's) and tasks (the field's benchmarks) of the package, wherever the command is started. */
export const SHIPPED = ['checkpoints/tasks', 'tasks'].map((folder) =>
  fileURLToPath(new URL(`../../../${folder}`, import.meta.url)),
)

/** Where tasks are looked up by name. */
export interface TaskSources {
  /** Tasks that are defined in code (`defineTask`); they are looked up first. */
  tasks?: readonly Card[] | undefined
  /** Folders searched for `<name>.yaml`, the first hit wins. Default: the shipped tasks. */
  roots?: readonly string[]
}

/**
 * What a task is called by: `math`, `mmlu:5` (with five examples), `cards/mine.yaml`, `mine.jsonl`; what `defineTask` gave; or a
 * section, of a text or of a task with other metrics, which may also be the word that `sectionWord` makes of it.
 */
export type TaskReference = string | Card | TaskSection

/**
 * A task with its data. A bare JSONL file takes its own name, version 1, exact_match, and room for its longest target. Data of the
 * hub is downloaded.
 * @throws UserError: unknown name or metric, missing file, or whatever the card or a line gets wrong, with path and line
 */
export async function loadTask(reference: TaskReference, options: TaskSources & ResolveOptions = {}): Promise<Task> {
  const bare = bareFile(reference)
  if (bare !== undefined && !existsSync(bare)) throw noTask(bare)
  const task = await loadCard(cardOf(reference, options), options)
  if (bare === undefined) return task
  // No common tokenizer makes more tokens than bytes; one more for end-of-text.
  return { ...task, maxNewTokens: 1 + Math.max(...task.items.map(({ target }) => Buffer.byteLength(target))) }
}

const isCard = (reference: TaskReference): reference is Card =>
  typeof reference === 'object' && 'metrics' in reference && 'locate' in reference

/** The name of a task alone is a section without anything else. */
const asSection = (reference: string | TaskSection): TaskSection =>
  typeof reference === 'string' ? (readSection(reference) ?? { task: reference }) : checkSection(reference)

/** The name or file that a task is looked up by; that of a text is its file. */
export function sourceOfTask(reference: string): string {
  const { text, task } = asSection(reference)
  return text ?? partsOf(task!).source
}

/** What messages call a task: what was given, or the name of a section's. */
export function taskWords(reference: string): string {
  const section = asSection(reference)
  return sectionName(section) ?? section.task!
}

/** What a section says beside the name of its task, and what is part of the id of a run: nothing for a name. */
export function settingsOfTask(reference: string): { settings?: object } {
  const { text: _, task: __, name: ___, ...settings } = asSection(reference)
  return Object.keys(settings).length ? { settings } : {}
}

/** What identifies a task, and its kind, without its data: nothing is downloaded. @throws UserError for an unknown name or metric, or a wrong card */
export function identifyTask(
  reference: TaskReference,
  sources: TaskSources = {},
): Pick<TaskSummary, 'name' | 'version' | 'kind' | 'metric'> {
  const { name, version, kind, metrics } = cardOf(reference, sources)
  return { name, version, kind, metric: metrics[0] }
}

/** The card, with the name, the metrics and the number of examples that the reference asks for. */
function cardOf(reference: TaskReference, sources: TaskSources): Card {
  if (isCard(reference)) return reference
  const { text, task, metric, name, ...section } = asSection(reference)
  if (text !== undefined) return textCard({ ...section, text, metric, name })
  const { source, shots } = partsOf(task!)
  const file = bareFile(reference)
  const card = file === undefined ? withMetrics(findCard(source, sources), metric) : bareCard(file, metric)
  if (shots === undefined) return { ...card, name: name ?? card.name }
  return { ...withShots(card, Number(shots)), name: name ?? `${card.name}:${shots}` }
}

/** The JSONL file that a task is, without a card; undefined for any other. */
function bareFile(reference: TaskReference): string | undefined {
  if (isCard(reference)) return undefined
  const { task } = asSection(reference)
  const file = task && partsOf(task).source
  return file && extname(file) === '.jsonl' ? file : undefined
}

function partsOf(reference: string): { source: string; shots?: string } {
  const [, source, shots] = /^(.*?)(?::(\d+))?$/s.exec(reference)!
  return { source: source!, ...(shots !== undefined && { shots }) }
}

function findCard(source: string, { tasks = [], roots = SHIPPED }: TaskSources): Card {
  if (isYaml(source)) {
    checkHarness(source, () => [...cardsIn(SHIPPED).values()].map(readCard))
    return readCard(source)
  }
  const own = tasks.find(({ name }) => name === source)
  if (own) return own
  const path = cardsIn(roots).get(source)
  if (path === undefined && isPath(source)) throw noTask(source)
  if (path === undefined) throw unknown('task', source, [...tasks.map(({ name }) => name), ...cardsIn(roots).keys()])
  return readCard(path)
}

/** The harness has templates without an ending (`_default_template_yaml`). */
const isYaml = (source: string): boolean => /\.ya?ml$/.test(source) || (/_yaml$/.test(source) && existsSync(source))

const isPath = (source: string): boolean => existsSync(source) || /\.\w{2,7}$|[/\\]/.test(source)

const WANTED = 'a task is a JSONL file (an object with "prompt" and "target" in each line) or a card (.yaml)'

/** What a path is that leads to no task, and what to do with it. */
function noTask(path: string): UserError {
  const fault = (why: string) => new UserError(`${path}: ${why}; ${WANTED}`)
  if (!existsSync(path)) return fault('no such file')
  if (statSync(path).isDirectory()) return fault('is a folder')
  if (extname(path) === '.json') {
    const isList = /^\s*\[/.test(readText(path).slice(0, 1000))
    return fault(
      isList
        ? `holds a JSON array: write each entry in a line of its own (jq -c '.[]' ${path} > ${basename(path, '.json')}.jsonl)`
        : 'is JSON: where each line holds an object, let its name end in .jsonl',
    )
  }
  if (/\.(csv|tsv|parquet)$/.test(path)) return fault('is data: write a card whose "data" names it (docs/tasks.md)')
  return fault(nounOfFile(path) ?? 'is no task')
}

/** Names of the shipped tasks. */
export const listTaskNames = (roots: readonly string[] = SHIPPED): string[] => [...cardsIn(roots).keys()]

/** What is known of a task without its data. */
export interface TaskSummary extends Pick<Task, 'kind' | 'name' | 'version' | 'description' | 'metric'> {
  data: string
  /** Number of items of a local file, or of rows in code; null for data of the hub. */
  n: number | null
}

/** Every task in alphabetical order; nothing is downloaded. */
export async function listTasks({ tasks = [], roots = SHIPPED }: TaskSources = {}): Promise<TaskSummary[]> {
  const cards = [...tasks, ...[...cardsIn(roots).values()].map(readCard)]
  const summaries = cards.map(async (card): Promise<TaskSummary> => {
    const { name, version, description, kind, metrics } = card
    const local = card.rows !== undefined || (typeof card.data === 'string' && extname(card.data) !== '')
    const n = local ? (await loadRows(card)).length : null
    return { name, version, description, metric: metrics[0], kind, data: describeData(card), n }
  })
  return (await Promise.all(summaries)).sort((one, two) => (one.name < two.name ? -1 : 1))
}

/** Paths by the names of the files. */
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

async function loadCard(card: Card, options: ResolveOptions): Promise<Task> {
  const { name, version, description, kind, metrics, delimiter, stop, filters, ignore } = card
  const [metric, ...others] = metrics
  // The order of the entries is that of the JSON which is hashed.
  const task = {
    name,
    version,
    description,
    kind,
    metric,
    ...(others.length && { others }),
    ...(delimiter && { delimiter }),
    maxNewTokens: card.max_new_tokens ?? 0,
    ...(stop && { stop }),
    ...(filters && { filters }),
    ...(ignore && { ignore }),
  }
  return { ...task, ...(await card.locate(() => CARD_KINDS[kind].load(card, options))) } as Task
}

/** The card of a JSONL file without one. */
const bareCard = (path: string, metric: string | string[] = 'exact_match'): Card =>
  completeCard(
    {
      name: basename(path, '.jsonl'),
      version: 1,
      description: `items of ${basename(path)}`,
      kind: 'generate',
      data: basename(path),
      preamble: '',
      prompt: '{{prompt}}',
      target: '{{target}}',
      metric,
      max_new_tokens: 1,
    },
    { origin: path, folder: dirname(path), locate: (work) => work() },
  )
