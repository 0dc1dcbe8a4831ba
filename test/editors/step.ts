// An editor with its options, as a step of an edit.
import { editorNamed, parseOptions, type Step } from '../../src/editors/index.js'

export function stepOf(name: string, options: object): Step {
  const editor = editorNamed(name)
  return { editor, options: parseOptions(editor, options) }
}
