// `deltalab deltas`: what a delta file holds.

import type { ArgumentsCamelCase, Argv } from 'yargs'
import { choiceLines } from '../budget-flags.js'
import { deltaSums, deltaTable, shown } from '../delta-text.js'
import { printResult } from '../messages.js'
import { AS_JSON, place } from '../options.js'

export const command = 'deltas <delta>'

export function builder(cli: Argv) {
  return cli
    .positional('delta', place('Delta file, written by deltalab compress; on the hub org/name[@revision]:path'))
    .option('json', AS_JSON)
    .example('deltalab deltas instruct.delta', 'codec, bytes and bits of each tensor')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ delta: file, json }: Args): Promise<void> {
  const [{ openDelta, reportDelta }, { resolveFile }] = await Promise.all([
    import('../../delta/index.js'),
    import('../../hub/index.js'),
  ])
  const report = reportDelta(await openDelta(await resolveFile(file)))
  const files = report.files.map(
    ({ path, bytes, sha256 }) => `${sha256 ?? 'with loss'.padEnd(64)}  ${path} (${bytes} bytes)`,
  )
  const text = [
    deltaTable(report),
    '',
    choiceLines(report.choice) + deltaSums(report),
    `base: ${shown(report.base)}`,
    ...files,
    '',
  ].join('\n')
  printResult(json, report, text)
}
