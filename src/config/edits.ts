// Editor entries of the YAML → edits: every combination of the listed option values, each checked by its editor.
import { checkChain, editorNamed, needsGradient, parseOptions } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { type Located } from '../schema/index.js'
import type { Merge } from './merge.js'
import { ENTRY_KEYS, type ParsedExperiment } from './schema.js'

/** One editor by name, with its options complete with defaults. */
export interface NamedStep {
  editor: string
  options: Record<string, unknown>
}

/** One edit of a delta: what a run does, its seed aside. Plain data, so that it can be hashed and handed to a worker. */
export interface Edit {
  /** Name of the editor; those of a chain joined by "+"; null where a merge takes the deltas as they are. */
  editor: string | null
  label: string
  on: 'delta' | 'weights'
  tensors: { include: string[]; exclude: string[] }
  steps: NamedStep[]
  /** True when a step draws at random, so that each seed is a run of its own. */
  stochastic: boolean
  needsGradient: boolean
  /** What the edited deltas are merged into; absent where the edited delta is the result. */
  merge?: Merge
}

type Entry = ParsedExperiment['editors'][number]
export type ErrorAt = Located<unknown>['errorAt']
/** The part of an edit that is about editors. */
export type Steps = Pick<Edit, 'steps' | 'stochastic' | 'needsGradient'> & { editor: string }

/** All edits of the experiment, in the order of the file; within an entry the first listed option varies slowest. */
export function expandEdits(parsed: ParsedExperiment, errorAt: ErrorAt): Edit[] {
  return parsed.editors.flatMap((entry, index) => expandEntry(entry, ['editors', index], parsed, errorAt))
}

function expandEntry(entry: Entry, path: (string | number)[], parsed: ParsedExperiment, errorAt: ErrorAt): Edit[] {
  return expandSteps(entry, ENTRY_KEYS, path, errorAt).map((steps) => ({
    ...steps,
    label: entry.label ?? steps.editor,
    on: entry.on ?? parsed.on,
    tensors: entry.tensors ?? parsed.tensors,
  }))
}

/** What one `editor` or `chain` with its options stands for; `keys` are those of the entry that are no options. */
export function expandSteps(
  entry: Pick<Entry, 'editor' | 'chain'>,
  keys: readonly string[],
  path: (string | number)[],
  errorAt: ErrorAt,
): Steps[] {
  if ((entry.editor === undefined) === (entry.chain === undefined))
    throw errorAt(path, 'an entry needs either `editor` or `chain`')
  const steps = entry.chain?.map((step, i) => ({
    step: step as Record<string, unknown>,
    path: [...path, 'chain', i],
  })) ?? [{ step: entry as Record<string, unknown>, path }]
  const extra = entry.chain && Object.keys(entry).find((key) => !keys.includes(key))
  if (extra) throw errorAt([...path, extra], 'options stand with the editors of the chain')
  const choices = steps.map(({ step, path: at }) => combinations(step, entry.chain ? ['editor'] : keys, at, errorAt))
  return product(choices).map((chosen) => {
    const parts = chosen.map((given, i) => readStep(steps[i]!.step.editor as string, given, steps[i]!.path, errorAt))
    if (entry.chain)
      atOption([], 'chain', path, errorAt, () =>
        checkChain(parts.map(({ step }) => ({ editor: editorNamed(step.editor), options: step.options }))),
      )
    return {
      editor: parts.map(({ step }) => step.editor).join('+'),
      steps: parts.map(({ step }) => step),
      stochastic: parts.some((part) => part.stochastic),
      needsGradient: parts.some((part) => part.needsGradient),
    }
  })
}

/** Every combination of the values of an entry's options: its keys other than `reserved`. */
export function combinations(
  step: Record<string, unknown>,
  reserved: readonly string[],
  path: (string | number)[],
  errorAt: ErrorAt,
): Record<string, unknown>[] {
  const axes = Object.entries(step)
    .filter(([key]) => !reserved.includes(key))
    .map(([key, value]) => {
      if (Array.isArray(value) && value.length === 0) throw errorAt([...path, key], 'an empty list makes no run')
      return (Array.isArray(value) ? value : [value]).map((one: unknown) => [key, one] as const)
    })
  return product(axes).map((chosen) => Object.fromEntries(chosen))
}

function readStep(name: string, given: Record<string, unknown>, path: (string | number)[], errorAt: ErrorAt) {
  return atOption(Object.keys(given), 'editor', path, errorAt, () => {
    const editor = editorNamed(name)
    const options = parseOptions(editor, given)
    return {
      step: { editor: name, options },
      stochastic: editor.stochastic(options),
      needsGradient: needsGradient({ editor, options }),
    }
  })
}

/** What `work` finds wrong is said at the option that it names, or else at `key`. */
export function atOption<T>(
  options: readonly string[],
  key: string,
  path: (string | number)[],
  errorAt: ErrorAt,
  work: () => T,
): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw errorAt(
      [...path, options.find((option) => new RegExp(`\\b${option}\\b`).test(error.message)) ?? key],
      error.message,
    )
  }
}

/** Cartesian product; the first list varies slowest. */
function product<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])), [[]])
}
