// The mergers with their options as Markdown tables, from the code: docs/mergers.md.
import { expectedValue, factsOf, type OptionFacts, type OptionsSchema } from '../schema/index.js'
import { mergers } from './index.js'
import { dataOf, type Merger } from './merger.js'

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')

const count = ({ count: [fewest, most] }: Merger): string => (fewest === most ? `${fewest}` : `${fewest} or more`)

function needs(merger: Merger): string {
  const { input } = merger
  const data = dataOf(merger)
  const base = { delta: 'a base', weights: '', either: 'a base, if deltas are meant' }[input]
  const more = data === 'fisher' ? 'Fisher diagonals' : data === 'gram' ? 'Gram matrices' : ''
  return [base, more].filter(Boolean).join(', ')
}

function optionRows(owner: string, schema: OptionsSchema, of: string): string[][] {
  const preset = ({ default: value, required }: OptionFacts): string =>
    value === undefined ? (required ? 'required' : '') : String(value)
  return factsOf(schema).map((option) => [
    owner,
    option.name,
    of,
    expectedValue(option),
    preset(option),
    option.description,
  ])
}

/** The sections of docs/mergers.md below its text. */
export function describeMergers(): string {
  const list = mergers.map((merger) => [
    merger.name,
    merger.title,
    count(merger),
    needs(merger),
    merger.conventions.join(', '),
    merger.cite,
  ])
  const options = mergers.flatMap(({ name, options: own, modelOptions }) => [
    ...optionRows(name, own, 'merge'),
    ...optionRows(name, modelOptions, 'model'),
  ])
  return [
    `## Mergers\n\n${table(['merger', 'what it does', 'models', 'needs', 'conventions', 'source'], list)}\n`,
    `## Options\n\n${table(['merger', 'option', 'of the', 'value', 'default', 'meaning'], options)}\n`,
  ].join('\n')
}
