// Editors as code gives them: an entry of the `editors` list of an experiment, with one value for each option.
import type { Editor } from '../editors/index.js'

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
