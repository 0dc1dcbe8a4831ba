// Editor entries of the YAML → edits: every combination of the listed option values, each checked by its editor. The paths of
// errors begin at the entry.
import { checkChain, entryBitsOf, needsGradient, parseOptions } from '../editors/index.js'
import { UserError, within } from '../errors/index.js'
import type { Registry } from '../registry/index.js'
import { locateValue } from '../yaml/index.js'
import type { DeltaEdit, NamedStep } from './edit.js'
import { ENTRY_KEYS, entrySchema, type ParsedExperiment } from './schema.js'

type Entry = ParsedExperiment['editors'][number]
type Options = Record<string, unknown>

/** The part of an edit that is about editors. */
export type EditorSteps = Pick<DeltaEdit, 'editor' | 'steps' | 'stochastic' | 'needsGradient' | 'entryBits'>

/** The edits of one entry, in order; the first listed option varies slowest. `parsed` has what the entry leaves open. */
export function expandEditor(
  entry: Entry,
  parsed: Pick<ParsedExperiment, 'on' | 'tensors'>,
  registry: Registry,
): DeltaEdit[] {
  return expandSteps(entry, ENTRY_KEYS, registry).map((steps) => ({
    ...steps,
    label: entry.label ?? steps.editor,
    on: entry.on ?? parsed.on,
    tensors: entry.tensors ?? parsed.tensors,
  }))
}

/**
 * The edit of an entry that is given in code, whose options have one value each.
 * @throws UserError for an entry that is wrong, and for one that means several edits
 */
export function readEntry(given: unknown, registry: Registry): DeltaEdit {
  const { value, locate } = locateValue(given, 'edit', entrySchema)
  return locate(() => {
    const list = Object.entries(value).find(([key, each]) => key !== 'chain' && Array.isArray(each))?.[0]
    const edits = expandEditor(value, { on: 'delta', tensors: { include: [], exclude: [] } }, registry)
    if (edits.length > 1)
      throw new UserError('one edit is wanted, and a list of values means several: deltalab sweep takes such', {
        path: list === undefined ? ['chain'] : [list],
      })
    return edits[0]!
  })
}

/** What one `editor` or `chain` with its options stands for; `keys` are those of the entry that are no options. */
export function expandSteps(
  entry: Pick<Entry, 'editor' | 'chain'>,
  keys: readonly string[],
  registry: Registry,
): EditorSteps[] {
  if (entry.editor !== undefined && entry.chain === undefined)
    return expandStep(entry as Options, keys, registry).map((step) => joinSteps([step], registry))
  if (entry.chain === undefined || entry.editor !== undefined)
    throw new UserError(
      `an entry needs either \`editor\` or \`chain\`; ${entry.chain ? 'this one has both' : `got ${Object.keys(entry).join(', ') || 'neither'}`}`,
      { path: [] },
    )
  const stray = Object.keys(entry).find((key) => !keys.includes(key))
  if (stray) throw new UserError('options stand with the editors of the chain', { path: [stray] })
  const choices = entry.chain.map((step, i) => within(['chain', i], () => expandStep(step, ['editor'], registry)))
  return product(choices).map((steps) => {
    within(['chain'], () => checkChain(registry.steps(steps)))
    return joinSteps(steps, registry)
  })
}

/** Every combination of the options of one editor. */
function expandStep(step: Options, keys: readonly string[], registry: Registry): NamedStep[] {
  const name = step.editor as string
  return combinations(step, keys).map((given) => {
    const editor = within(['editor'], () => registry.editor(name))
    return { editor: name, options: parseOptions(editor, given) }
  })
}

function joinSteps(steps: readonly NamedStep[], registry: Registry): EditorSteps {
  const known = registry.steps(steps)
  return {
    editor: steps.map(({ editor }) => editor).join('+'),
    steps,
    stochastic: known.some(({ editor, options }) => editor.stochastic(options)),
    needsGradient: known.some(needsGradient),
    entryBits: entryBitsOf(known),
  }
}

/** Every combination of the values of an entry's options: its keys other than `reserved`. */
export function combinations(entry: Options, reserved: readonly string[]): Options[] {
  const axes = Object.entries(entry)
    .filter(([key]) => !reserved.includes(key))
    .map(([key, value]) => {
      if (Array.isArray(value) && value.length === 0) throw new UserError('an empty list makes no run', { path: [key] })
      return (Array.isArray(value) ? value : [value]).map((one: unknown) => [key, one] as const)
    })
  return product(axes).map((chosen) => Object.fromEntries(chosen))
}

/** Cartesian product; the first list varies slowest. */
function product<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])), [[]])
}
