// The check of one editor against all laws of editors.
import type { Editor, Options } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { onWasm } from '../tensor/index.js'
import { type EditorSubject, editorLaws } from './editor-laws.js'
import { keepLaws } from './law.js'
import { madeUpOptions } from './samples.js'

/** What `checkEditor` runs the laws on. */
export interface EditorCheck {
  /** Options to try, as in a YAML file; by default some are made up from the schema. */
  options?: readonly Record<string, unknown>[]
  /**
   * Standard deviation over the keys of an edited entry, as a share of its value, where it is known; the law of the mean is then
   * exact in what it expects. By default the deviation is estimated.
   */
  deviation?: (options: Options) => number
}

/** @throws UserError where no options are given and none can be made up */
export function editorSubject(editor: Editor, check: EditorCheck = {}): EditorSubject {
  const options = check.options ?? madeUpOptions(editor.options)
  if (!options.length)
    throw new UserError(
      `checkEditor: no options of ${editor.name} to try: give them, like { options: [{ drop_rate: 0.5 }] }`,
    )
  return { ...check, name: `editor ${editor.name}`, editor, options }
}

/**
 * Checks that an editor keeps the laws of all editors. Call it from any test runner.
 * @param editor what `defineEditor` returned
 * @param check `options`: settings to try, such as the ends of each option; by default some are made up from the schema
 * @returns resolves where all laws are kept
 * @throws UserError that names the law that is broken, the options and the values
 */
export const checkEditor = (editor: Editor, check: EditorCheck = {}): Promise<void> =>
  onWasm(() => keepLaws(editorLaws, editorSubject(editor, check)))
