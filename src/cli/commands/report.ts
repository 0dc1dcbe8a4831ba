// `deltalab report`: results folders as one page that stands alone.

import type { Argv } from 'yargs'
import { writeWhole } from '../../files/index.js'
import { printResult, startPhase } from '../messages.js'
import { AS_JSON, place, RESULTS } from '../options.js'

export const command = 'report <results..>'

export function builder(cli: Argv) {
  return cli
    .positional('results', RESULTS)
    .option('html', { ...place('File of the page; one that is there is replaced'), demandOption: true as const })
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
  const { makePage } = await import('../../report/index.js')
  startPhase('read the results')
  const page = await makePage(results)
  startPhase('write the page')
  await writeWhole(html, page)
  printResult(json, { html, bytes: Buffer.byteLength(page) }, `${html}\n`)
}
