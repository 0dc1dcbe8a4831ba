// `deltalab report`: results folders as one page that stands alone.

import type { Argv } from 'yargs'
import { printResult, startPhase } from '../messages.js'
import { AS_JSON, place, RESULTS } from '../options.js'

export const command = 'report <results..>'

export function builder(cli: Argv) {
  return cli
    .positional('results', {
      ...RESULTS,
      describe: 'Results folders of sweeps; those of one experiment are read as one',
    })
    .option('html', place('File of the page; a page that is there is replaced'))
    .option('json', AS_JSON)
    .example('deltalab report results/drop-rate --html drop-rate.html', 'one page with tables, figures and rows')
    .epilogue(
      'The page needs no network: send it, or open it from the disk. README.md of the folder, or experiments/<name>/README.md of the project, stands at its beginning.',
    )
}

interface Args {
  results: string[]
  html: string
  json?: boolean
}

export async function handler({ results, html, json }: Args): Promise<void> {
  const { checkPageFile, writePage } = await import('../../report/index.js')
  await checkPageFile(html)
  startPhase('read the results, write the page')
  const bytes = await writePage(html, results)
  printResult(json, { html, bytes }, `${html}\n`)
}
