// Editor entries of the YAML → edits: every combination of the listed option values, each checked by its editor.
import { editorNamed, parseOptions } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { ENTRY_KEYS, type ParsedExperiment } from './schema.js'
import type { Located } from './located.js'

/** One editor by name, with its options complete with defaults. */
export interface NamedStep {
  editor: string
  options: Record<string, unknown>
}

/** One edit of a delta: what a run does, its seed aside. Plain data, so that it can be hashed and handed to a worker. */
export interface Edit {
  /** Name of the editor; those of a chain joined by "+". */
  editor: string
  label: string
  on: 'delta' | 'weights'
  tensors: { include: string[]; exclude: string[] }
  steps: NamedStep[]
  /** True when a step draws at random, so that each seed is a run of its own. */
  stochastic: boolean
  needsGradient: boolean
}

type Entry = ParsedExperiment['editors'][number]
type ErrorAt = Located<unknown>['errorAt']
type Choice = { editor: string; given: Record<string, unknown> }

/** All edits of the experiment, in the order of the file; within an entry the first listed option varies slowest. */
export function expandEdits(parsed: ParsedExperiment, errorAt: ErrorAt): Edit[] {
  return parsed.editors.flatMap((entry, index) => expandEntry(entry, ['editors', index], parsed, errorAt))
}

function expandEntry(entry: Entry, path: (string | number)[], parsed: ParsedExperiment, errorAt: ErrorAt): Edit[] {
  if ((entry.editor === undefined) === (entry.chain === undefined)) throw errorAt(path, 'an entry needs either `editor` or `chain`')
  const steps = entry.chain?.map((step, i) => ({ step: step as Record<string, unknown>, path: [...path, 'chain', i] })) ?? [
    { step: entry as Record<string, unknown>, path },
  ]
  const extra = entry.chain && Object.keys(entry).find((key) => !(ENTRY_KEYS as readonly string[]).includes(key))
  if (extra) throw errorAt([...path, extra], 'options stand with the editors of the chain')
  const choices = steps.map(({ step, path: at }) => combinations(step, entry.chain ? ['editor'] : ENTRY_KEYS, at, errorAt))
  return product(choices).map((chosen) => {
    const parts = chosen.map((choice, i) => readStep(choice, steps[i].path, errorAt))
    const editor = parts.map(({ step }) => step.editor).join('+')
    return {
      editor,
      label: entry.label ?? editor,
      on: entry.on ?? parsed.on,
      tensors: entry.tensors ?? parsed.tensors,
      steps: parts.map(({ step }) => step),
      stochastic: parts.some((part) => part.stochastic),
      needsGradient: parts.some((part) => part.needsGradient),
    }
  })
}

/** Every combination of the values of one step's options. */
function combinations(step: Record<string, unknown>, reserved: readonly string[], path: (string | number)[], errorAt: ErrorAt): Choice[] {
  const axes = Object.entries(step)
    .filter(([key]) => !reserved.includes(key))
    .map(([key, value]) => {
      if (Array.isArray(value) && value.length === 0) throw errorAt([...path, key], 'an empty list makes no run')
      return (Array.isArray(value) ? value : [value]).map((one: unknown) => [key, one] as const)
    })
  return product(axes).map((chosen) => ({ editor: step.editor as string, given: Object.fromEntries(chosen) }))
}

function readStep({ editor: name, given }: Choice, path: (string | number)[], errorAt: ErrorAt) {
  try {
    const editor = editorNamed(name)
    const options = parseOptions(editor, given) as Record<string, unknown>
    return {
      step: { editor: name, options },
      stochastic: editor.stochastic(options),
      needsGradient: editor.needsGradient?.(options) ?? false,
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const key = Object.keys(given).find((option) => new RegExp(`\\b${option}\\b`).test(error.message)) ?? 'editor'
    throw errorAt([...path, key], error.message)
  }
}

/** Cartesian product; the first list varies slowest. */
function product<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])), [[]])
}
