// `deltalab compare`: whether two results folders agree, and where they do not.

import type { Argv } from 'yargs'
import { printResult, startPhase } from '../messages.js'
import { AS_JSON, place } from '../options.js'

export const command = 'compare <first> <second>'

export function builder(cli: Argv) {
  return cli
    .positional('first', place('Results folder of a sweep'))
    .positional('second', place('Another one'))
    .option('json', AS_JSON)
    .example('deltalab compare results/mine results/mine-on-the-cluster', 'do they say the same?')
    .epilogue(
      'A number differs where the difference is above its standard error: over the items of a loss or a divergence, over the answers of a score. Exit code 0: they agree; 3: they do not.',
    )
}

interface Args {
  first: string
  second: string
  json?: boolean
}

/** Lines of each kind that are shown; --json has all. */
const MOST = 20

export async function handler({ first, second, json }: Args): Promise<void> {
  const { compareResults, readWhole } = await import('../../report/index.js')
  startPhase('read the results')
  const found = compareResults(await readWhole(first), await readWhole(second))
  if (!found.agree) process.exitCode = 3
  const { both, equal, close, changed, onlyFirst, onlySecond, differences } = found
  const list = (title: string, lines: readonly string[]) =>
    lines.length === 0
      ? ''
      : `${title}:\n${lines
          .slice(0, MOST)
          .map((line) => `  ${line}\n`)
          .join('')}${lines.length > MOST ? `  and ${lines.length - MOST} more (--json has all)\n` : ''}\n`
  const far = new Set(differences.map(({ run }) => run)).size
  const text = [
    list('changed', changed),
    list(`only in ${first} (${onlyFirst.length})`, onlyFirst),
    list(`only in ${second} (${onlySecond.length})`, onlySecond),
    list(
      'beyond the standard error',
      differences.map(
        ({ run, column, first: a, second: b, error }) =>
          `${run}: ${column} ${a ?? 'empty'} → ${b ?? 'empty'}${error === null ? '' : ` (± ${error.toPrecision(2)})`}`,
      ),
    ),
    `${both} runs in both: ${equal} equal, ${close} within the standard error, ${far} beyond it\n`,
    found.agree ? 'they agree\n' : 'they do not agree\n',
  ]
  printResult(json, found, text.join(''))
}
