// The help of a command, made from its syntax: names on the left, sentences on the right.
import type { Spec, Syntax } from './syntax.js'

/** Lines of at most `width` letters; a longer word has a line of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** A heading and its rows; none without rows. `tag`, what follows the sentence, stands on the right. */
export function helpSection(
  heading: string,
  rows: readonly { left: string; text: string; tag?: string }[],
  width: number,
): string {
  if (rows.length === 0) return ''
  const column = Math.max(...rows.map(({ left }) => left.length)) + 4
  const lines = rows.flatMap(({ left, text, tag = '' }) => {
    const texts = wrap(text, width - column)
    const room = width - column - (texts.at(-1)?.length ?? 0)
    if (tag && tag.length < room) texts[texts.length - 1] += tag.padStart(room)
    else if (tag) texts.push(tag.padStart(width - column))
    return texts.map((line, at) => `${(at === 0 ? `  ${left}` : '').padEnd(column)}${line}`)
  })
  return `${heading}\n${lines.join('\n')}\n\n`
}

const flagOf = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`)

/** Short names first, and long ones below each other. */
function leftOf(name: string, { alias }: Spec): string {
  const names = [name, ...(alias ? [alias] : [])].sort((one, two) => Math.min(one.length, 2) - Math.min(two.length, 2))
  return names
    .map(flagOf)
    .join(', ')
    .padStart(names[0]!.length === 1 ? 0 : names.map(flagOf).join(', ').length + 4)
}

function tagOf({ type = 'string', array, choices, default: preset, demandOption }: Spec): string {
  const kind = choices ? `choices: ${choices.join(', ')}` : array ? 'array' : type
  const tags = [
    kind,
    ...(demandOption ? ['required'] : []),
    ...(preset === undefined ? [] : [`default: ${presetText(preset)}`]),
  ]
  return ` ${tags.map((tag) => `[${tag}]`).join(' ')}`
}

const presetText = (preset: unknown): string => (typeof preset === 'string' ? preset : JSON.stringify(preset))

/** @param command as usage shows it, e.g. `deltalab sweep <config>` */
export function helpText(syntax: Syntax<unknown>, command: string, describe: string, width: number): string {
  const groups = new Map<string, [string, Spec][]>()
  for (const option of syntax.options) {
    const heading = option[1].group ?? 'Options:'
    groups.set(heading, [...(groups.get(heading) ?? []), option])
  }
  const own = groups.get('Options:') ?? []
  groups.delete('Options:')
  const rowsOf = (options: readonly [string, Spec][]) =>
    options.map(([name, spec]) => ({ left: leftOf(name, spec), text: spec.describe, tag: tagOf(spec) }))
  const examples = syntax.examples.map(([example, meaning]) => `  ${example}\n      ${meaning}\n`).join('')
  return [
    `${command}\n\n${wrap(describe, width).join('\n')}\n\n`,
    helpSection(
      'Arguments:',
      [...syntax.positionals].map(([left, spec]) => ({ left, text: spec.describe, tag: tagOf(spec) })),
      width,
    ),
    ...[...groups].map(([heading, options]) => helpSection(heading, rowsOf(options), width)),
    helpSection('Options:', rowsOf(own), width),
    examples && `Examples:\n${examples}\n`,
    ...syntax.closing.map((text) => `${wrap(text, width).join('\n')}\n\n`),
  ]
    .join('')
    .trimEnd()
}
