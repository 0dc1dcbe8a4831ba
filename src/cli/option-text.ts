// An option of an editor or a merger in one line: name, what is expected, what holds without it, and what it does.
import { expectedValue, type OptionFacts } from '../schema/index.js'

export function optionText({ name, required, description, ...facts }: OptionFacts): string {
  const preset = facts.default === undefined ? (required ? ', required' : '') : `, default ${facts.default}`
  return `${name} (${expectedValue({ name, required, description, ...facts })}${preset}): ${description}`
}
