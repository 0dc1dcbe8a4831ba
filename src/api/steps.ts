// Editors as code gives them: an entry of the `editors` list of an experiment, with one value for each option.
import { checkChain, type Editor, parseOptions, type Step } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import type { Registry } from '../registry/index.js'

/** One editor, by its name or as an object, with its options as further keys. */
export interface EditorStep {
  /** Name of the editor, or the editor itself. */
  editor: string | Editor
  [option: string]: unknown
}

/** What stands with the editors of an entry. */
export interface EditorPlace {
  /** Name of the series in tables and figures; the editor unless given. */
  label?: string | undefined
  /** What is edited: the delta (post − base), or the post-trained weights themselves. Default `delta`. */
  on?: 'delta' | 'weights' | undefined
  /** Which tensors are edited: names with `*`, `role:<role>`, or `linear`; all unless given. */
  tensors?:
    | {
        /** Patterns of the tensors. */
        include?: readonly string[] | undefined
        /** Patterns of the tensors to leave out of those. */
        exclude?: readonly string[] | undefined
      }
    | undefined
}

/** An edit: one editor with its options, or a chain of editors that are applied in order. */
export type EditorEntry = (
  | EditorStep
  | {
      /** Editors in the order in which they are applied. */
      chain: readonly EditorStep[]
    }
) &
  EditorPlace

/** An entry, parsed. */
export interface ParsedEntry {
  steps: Step[]
  label: string
  on: 'delta' | 'weights'
  tensors: { include: string[]; exclude: string[] }
}

/**
 * Parses an entry.
 * @param registry where names are looked up
 * @throws UserError for an unknown editor or option, or a value out of range
 */
export function parseEntry(entry: EditorEntry, registry: Registry): ParsedEntry {
  const { label, on = 'delta', tensors = {}, ...rest } = entry
  const given = 'chain' in rest ? (rest.chain as readonly EditorStep[]) : [rest as EditorStep]
  if (given.length === 0) throw new UserError('chain is empty: at least one editor is needed')
  const steps = given.map(({ editor, ...options }): Step => {
    const found = typeof editor === 'string' ? registry.editor(editor) : editor
    return { editor: found, options: parseOptions(found, options) }
  })
  checkChain(steps)
  return {
    steps,
    label: label ?? steps.map((step) => step.editor.name).join('+'),
    on,
    tensors: { include: [...(tensors.include ?? [])], exclude: [...(tensors.exclude ?? [])] },
  }
}
