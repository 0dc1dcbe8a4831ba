// The keys of a task's card, and the benchmarks that ship with what they agree with, as Markdown: docs/tasks.md.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { tablesOf } from '../schema/index.js'
import { CardFile } from './cards/card.js'
import { readCard } from './cards/read.js'
import { SHIPPED } from './load.js'

/** A table for the card and for every section in it, and one of the benchmarks. */
export function describeTasks(): string {
  const [, benchmarks] = SHIPPED
  const rows = readdirSync(benchmarks!)
    .sort()
    .map((file) => {
      const { name, version, kind, metrics, fewshot, follows = '' } = readCard(join(benchmarks!, file))
      return `| \`${name}\` | ${version} | ${kind} | ${metrics.join(', ')} | ${fewshot ? fewshot.number : ''} | ${follows} |`
    })
  const head =
    '## Benchmarks\n\n`examples` is the number without `name:n`; where it is empty there are none to be had.\n\n'
  return `${tablesOf('## Card', CardFile)}\n${head}| task | version | kind | metric | examples | follows |\n|---|---|---|---|---|---|\n${rows.join('\n')}\n`
}
