// An editor's options: facts for help and docs, and the parse that turns what a person wrote into them.
import { UserError } from '../errors/index.js'
import { factsOf, type OptionFacts, parseWith } from '../schema/index.js'
import type { Editor, Options } from './editor.js'

export { expectedValue, type OptionFacts } from '../schema/index.js'

/** The options of an editor in the order of its file. */
export const describeOptions = (editor: Editor): readonly OptionFacts[] => factsOf(editor.options)

/**
 * Options as given (in YAML or on the command line) → parsed, with defaults.
 * @param where what the error starts with, e.g. `sweep.yaml:12`
 * @throws UserError naming the option, what was given and what would be right.
 */
export function parseOptions(editor: Editor, raw: unknown, where = ''): Options {
  try {
    return parseWith(editor.options, raw, editor.name)
  } catch (error) {
    throw where && error instanceof UserError ? new UserError(`${where}: ${error.message}`) : error
  }
}
