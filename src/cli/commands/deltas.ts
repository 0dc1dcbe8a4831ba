// `deltalab deltas`: what a delta file holds.

import type { ArgumentsCamelCase, Argv } from 'yargs'
import { UserError } from '../../errors/index.js'
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
  const [{ openDelta, reportDelta }, { resolveFile }, { isBitDeltaFile }] = await Promise.all([
    import('../../delta/index.js'),
    import('../../hub/index.js'),
    import('../../sources/index.js'),
  ])
  const path = await resolveFile(file)
  if (await isBitDeltaFile(path))
    throw new UserError(
      `${file}: is a file of BitDelta, and no delta file: \`deltalab inspect <base> ${file}\` shows what its deltas are`,
    )
  const report = reportDelta(await openDelta(path))
  const files = report.files.map(
    ({ path, bytes, sha256, isExact }) =>
      `${sha256 ?? (isExact ? 'by the checksums of its pieces' : 'with loss').padEnd(64)}  ${path} (${bytes} bytes)`,
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
