// The items of a task from a JSONL file, one object per line.
import { UserError } from '../errors/index.js'
import type { Item, Metric } from './task.js'
import { readText } from './text.js'

/**
 * Items in file order; blank lines are passed over. `id` is optional (then the line number) and must be unique; other fields
 * are kept for the metric. UserError with path and line: not JSON, prompt or target missing or not text, a duplicate id, a
 * target that is empty or that its own metric calls wrong, no item at all.
 */
export function readItems(path: string, metric: Metric, names = { prompt: 'prompt', target: 'target' }): Item[] {
  const items: Item[] = []
  const lineOfId = new Map<string, number>()
  const lines = readText(path).replace(/^\ufeff/, '').split('\n')
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const where = `${path}:${index + 1}`
    const item = readItem(where, line, names, String(index + 1))
    const earlier = lineOfId.get(item.id)
    if (earlier !== undefined) throw new UserError(`${where}: id ${JSON.stringify(item.id)} is already that of line ${earlier}`)
    lineOfId.set(item.id, index + 1)
    if (metric.exactImpliesRight && metric.score(item.target, item) !== 1) {
      throw new UserError(`${where}: the target itself is not right by the metric ${metric.name}: ${metric.description}`)
    }
    items.push(item)
  }
  if (items.length === 0) throw new UserError(`${path} holds no items; each line must have ${names.prompt} and ${names.target}`)
  return items
}

function readItem(where: string, line: string, names: { prompt: string; target: string }, defaultId: string): Item {
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch (cause) {
    throw new UserError(`${where}: not valid JSON: ${(cause as Error).message.replace(/\s+/g, ' ')}`, { cause })
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new UserError(`${where}: a JSON object is wanted`)
  const { id = defaultId, [names.prompt]: prompt, [names.target]: target, ...fields } = record as Record<string, unknown>
  if (typeof id !== 'string' && typeof id !== 'number') throw new UserError(`${where}: id must be a text or a number`)
  return { id: String(id), prompt: textOf(where, names.prompt, prompt), target: textOf(where, names.target, target), fields }
}

function textOf(where: string, name: string, value: unknown): string {
  if (value === undefined) throw new UserError(`${where}: no ${JSON.stringify(name)}`)
  if (typeof value !== 'string' || value === '') throw new UserError(`${where}: ${JSON.stringify(name)} must be a text that is not empty`)
  return value
}
