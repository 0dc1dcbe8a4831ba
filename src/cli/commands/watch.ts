// `deltalab watch`: how far a sweep is, drawn again each second until it has finished.
import { setTimeout } from 'node:timers/promises'
import type { Argv } from 'yargs'
import { keepPage } from '../live-page.js'
import { describeLive } from '../live-text.js'
import { hideProgress, print, terminalColumns, terminalRows } from '../messages.js'
import { AS_JSON, place } from '../options.js'

export const command = 'watch <results>'

export function builder(cli: Argv) {
  return cli
    .positional('results', place('Results folder of a sweep, which need not be there yet'))
    .option('once', {
      type: 'boolean',
      default: false,
      describe: 'Look once; the default with --json, and without --html where the output is not a terminal',
    })
    .option('html', {
      ...place('File of a page that follows the sweep: it is written, and loads itself, every ten seconds'),
      demandOption: false as const,
    })
    .option('json', AS_JSON)
    .example('deltalab watch results/mine', 'runs done, rate, time left, last rows and failures of a sweep that runs')
    .example('deltalab watch results/mine --html mine.html', 'the same, and a page with tables and figures so far')
    .epilogue('The sweep may run on another machine that shares the folder, and in shards. Ctrl-C ends the look only.')
}

/** Milliseconds between two looks. */
const PAUSE = 1000

interface Args {
  results: string
  once: boolean
  html?: string
  json: boolean
}

export async function handler({ results, once, html, json }: Args): Promise<void> {
  const { followResults, readLive } = await import('../../record/index.js')
  const room = { columns: terminalColumns(), rows: terminalRows() }
  const isSeen = process.stdout.isTTY === true
  const keep = html === undefined ? null : await keepPage(results, html)
  if (once || json || !(isSeen || keep)) {
    const live = readLive(results)
    await keep?.(live)
    print(json ? `${JSON.stringify(live, null, 2)}\n` : `${describeLive(live, room).join('\n')}\n`)
    return
  }
  hideProgress()
  const look = followResults(results)
  for (let [live, above] = [look(), 0]; ; live = look()) {
    const lines = live
      ? describeLive(live, room)
      : [`${results}: waiting for a sweep; it writes there once it has checked its inputs`]
    if (isSeen) print(redraw(lines, above))
    above = lines.length
    if (live) await keep?.(live)
    if (live?.finished) return
    await setTimeout(PAUSE)
  }
}

/** Writes over the lines above the cursor, so that nothing flickers: each line clears what is left of the one before. */
const redraw = (lines: readonly string[], above: number): string =>
  `${above ? `\u001b[${above}A\r` : ''}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`
