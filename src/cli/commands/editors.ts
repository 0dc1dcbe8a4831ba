// `deltalab editors`: the editors with their options and papers, generated from the code.

import type { Argv } from 'yargs'
import { addListFlags, type ListFlags } from '../list-flags.js'
import { print } from '../messages.js'
import { optionText } from '../option-text.js'
import { readRegistry } from '../plugins.js'

export const command = 'editors [name]'

export function builder(cli: Argv) {
  return addListFlags(cli, 'editor').example('deltalab editors', 'names and options for YAML files and --editor')
}

export async function handler({ name: only, plugin, json }: ListFlags): Promise<void> {
  const { describeOptions } = await import('../../editors/index.js')
  const { editors, editor: named } = await readRegistry(plugin)
  const list = (only === undefined ? editors : [named(only)]).map((editor) => {
    const { name, title, cite, axis, reads } = editor
    return { name, title, cite, axis, reads, options: describeOptions(editor) }
  })
  if (json) {
    print(`${JSON.stringify(list, null, 2)}\n`)
    return
  }
  for (const { name, title, cite, options } of list) {
    print(`${name}: ${title}\n  ${cite}\n`)
    for (const option of options) print(`  ${optionText(option)}\n`)
    print('\n')
  }
}
