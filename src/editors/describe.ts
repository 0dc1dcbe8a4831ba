// The editors with their options as Markdown tables, from the code: docs/editors.md.
import { describeOptions, type Editor, editors, expectedValue, type OptionFacts } from './index.js'

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')

/** What an editor reads besides one delta, with some of its options. */
function reads(editor: Editor): string {
  const facts = [
    editor.reads === 'matrix' && 'whole matrices (vectors and kernels pass)',
    editor.reads === 'model' && 'the whole model',
    editor.needsGradient && 'a gradient',
    editor.reads === 'matrix' && editor.needsGram && 'Gram matrices of layer inputs',
  ]
  return facts.filter(Boolean).join(', ')
}

const preset = ({ default: value, required }: OptionFacts): string =>
  value === undefined ? (required ? 'required' : '') : String(value)

/** The sections of docs/editors.md below its text. */
export function describeEditors(): string {
  const list = editors.map((editor) => [editor.name, editor.title, reads(editor), editor.cite])
  const options = editors.flatMap((editor) =>
    describeOptions(editor).map((option) => [
      editor.name,
      option.name,
      expectedValue(option),
      preset(option),
      option.description,
    ]),
  )
  return [
    `## Editors\n\n${table(['editor', 'what it does', 'may also read', 'source'], list)}\n`,
    `## Options\n\n${table(['editor', 'option', 'value', 'default', 'meaning'], options)}\n`,
  ].join('\n')
}
