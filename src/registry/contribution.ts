// Sorts what a plugin exports into editors, mergers and tasks.
import { defineEditor, type Editor, type EditorDefinition, isEditor } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { defineMerger, isMerger, type Merger, type MergerDefinition } from '../mergers/index.js'
import type { TaskCard } from '../tasks/index.js'

/** One thing that a plugin adds. */
export type Contribution =
  | { readonly kind: 'editor'; readonly value: Editor }
  | { readonly kind: 'merger'; readonly value: Merger }
  | { readonly kind: 'task'; readonly value: TaskCard }

const WANTED = 'an editor, a merger, a task (as defineEditor, defineMerger and defineTask make them) or a list of them'

/** @param where what the error starts with @throws UserError for anything else, or for nothing */
export async function contributionsOf(value: unknown, where: string): Promise<Contribution[]> {
  if (value === undefined) throw new UserError(`${where}: has no default export; a plugin exports ${WANTED}`)
  const list: unknown[] = [value].flat()
  if (list.length === 0)
    throw new UserError(`${where}: its default export is an empty list; a plugin exports ${WANTED}`)
  const { isTask } = await import('../tasks/index.js')
  return list.map((each) => {
    const found = tellApart(each) ?? (isTask(each) ? { kind: 'task' as const, value: each } : null)
    if (!found) throw new UserError(`${where}: its default export must be ${WANTED}; got ${show(each)}`)
    return found
  })
}

/** An editor or a merger. */
function tellApart(value: unknown): Contribution | null {
  if (typeof value !== 'object' || value === null) return null
  if (isEditor(value)) return { kind: 'editor', value: defineEditor(value as EditorDefinition) }
  if (isMerger(value)) return { kind: 'merger', value: defineMerger(value as MergerDefinition) }
  return null
}

function show(value: unknown): string {
  if (typeof value === 'function') return `the function ${value.name || '(without a name)'}`
  if (typeof value === 'object' && value !== null) return `an object with ${Object.keys(value).join(', ') || 'no keys'}`
  return JSON.stringify(value) ?? String(value)
}
