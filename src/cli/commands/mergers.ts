// `deltalab mergers`: the mergers with their options, conventions and papers, generated from the code.

import type { Argv } from 'yargs'
import { dataOf } from '../../mergers/index.js'
import { factsOf } from '../../schema/index.js'
import { addListFlags, type ListFlags } from '../list-flags.js'
import { print } from '../messages.js'
import { optionText } from '../option-text.js'
import { readRegistry } from '../plugins.js'

export const command = 'mergers [name]'

export function builder(cli: Argv) {
  return addListFlags(cli, 'merger').example('deltalab mergers', 'names and options for merge files')
}

export async function handler({ name: only, plugin, json }: ListFlags): Promise<void> {
  const { mergers, merger: named } = await readRegistry(plugin)
  const list = (only === undefined ? mergers : [named(only)]).map((merger) => {
    const { name, title, cite, conventions, input, ordered, options, modelOptions } = merger
    const [fewest, most] = merger.count
    return {
      name,
      title,
      cite,
      conventions,
      input,
      models: { fewest, most: Number.isFinite(most) ? most : null },
      data: dataOf(merger),
      ordered,
      options: factsOf(options),
      model_options: factsOf(modelOptions),
    }
  })
  if (json) {
    print(`${JSON.stringify(list, null, 2)}\n`)
    return
  }
  for (const { name, title, cite, conventions, input, data, options, model_options: own } of list) {
    const needs = [
      input === 'delta' ? 'a base' : '',
      data === 'fisher' ? 'Fisher diagonals' : data === 'gram' ? 'Gram matrices' : '',
    ].filter(Boolean)
    const lines = [
      `${name}: ${title}`,
      `  ${cite}`,
      `  conventions: ${conventions.join(', ')}${needs.length ? `; needs ${needs.join(' and ')}` : ''}`,
      ...options.map((option) => `  ${optionText(option)}`),
      ...own.map((option) => `  of each model: ${optionText(option)}`),
    ]
    print(`${lines.join('\n')}\n\n`)
  }
}
