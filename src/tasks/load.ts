// Finds a task by the name of a card, by the path of a card, or by the path of a bare JSONL file.
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unknown } from '../errors/index.js'
import { isMetric, readCard } from './card.js'
import { readItems } from './items.js'
import { METRICS } from './metrics.js'
import type { Task } from './task.js'

/** checkpoints/tasks of the package, wherever the command is started. */
export const SHIPPED = fileURLToPath(new URL('../../../checkpoints/tasks', import.meta.url))

export interface TaskOptions {
  /** Folders searched for `<name>.yaml`, the first hit wins. Default: the shipped tasks. */
  roots?: readonly string[]
  /** Metric of a bare JSONL file; a card names its own. Default exact_match. */
  metric?: string
}

/**
 * `math`, `cards/mine.yaml` or `mine.jsonl`. A bare file takes its name, version 1, and room for its longest target.
 * UserError: unknown name or metric, missing file, or whatever the card or a line gets wrong, with path and line.
 */
export async function loadTask(nameOrPath: string, options: TaskOptions = {}): Promise<Task> {
  const extension = extname(nameOrPath)
  if (extension === '.jsonl') return loadBare(nameOrPath, options.metric ?? 'exact_match')
  if (extension === '.yaml' || extension === '.yml') return loadCard(nameOrPath)
  const roots = options.roots ?? [SHIPPED]
  const root = roots.find((folder) => existsSync(join(folder, `${nameOrPath}.yaml`)))
  if (root === undefined) throw unknown('task', nameOrPath, [...cardsIn(roots).keys()])
  return loadCard(join(root, `${nameOrPath}.yaml`))
}

/** Every task of the roots in alphabetical order. */
export async function listTasks(roots: readonly string[] = [SHIPPED]): Promise<Task[]> {
  return [...cardsIn(roots)].sort(([one], [two]) => (one < two ? -1 : 1)).map(([, path]) => loadCard(path))
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

function loadCard(path: string): Task {
  const card = readCard(path)
  const items = readItems(resolve(dirname(path), card.data), METRICS[card.metric], { prompt: card.prompt_field, target: card.target_field })
  const { name, version, description, metric, max_new_tokens: maxNewTokens } = card
  return { name, version, description, metric, maxNewTokens, items }
}

function loadBare(path: string, metric: string): Task {
  if (!isMetric(metric)) throw unknown('metric', metric, Object.keys(METRICS))
  const items = readItems(path, METRICS[metric])
  // No common tokenizer makes more tokens than bytes; one more for end-of-text.
  const maxNewTokens = 1 + Math.max(...items.map((item) => Buffer.byteLength(item.target)))
  return { name: basename(path, '.jsonl'), version: 1, description: `items of ${basename(path)}`, metric, maxNewTokens, items }
}
