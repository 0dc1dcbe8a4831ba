// `deltalab apply`: a base and a delta file → the folder of the model, to the byte or with the deltas that were kept.

import { resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { tally } from '../../progress/index.js'
import { checksText } from '../delta-text.js'
import { beginEarly } from '../early-threads.js'
import { note, print, startPhase } from '../messages.js'
import { DISCARD, OUT_FOLDER, OVERWRITE, place, readStream, STREAM } from '../options.js'

export const command = 'apply <base> <delta>'

export function builder(cli: Argv) {
  return cli
    .positional(
      'base',
      place('Base that the delta was made from: folder, base+delta file, or org/name[@revision] on the hub'),
    )
    .positional(
      'delta',
      place('Delta file, written by deltalab compress, or by BitDelta; on the hub org/name[@revision]:path'),
    )
    .option('out', OUT_FOLDER)
    .option('overwrite', OVERWRITE)
    .option('discard', DISCARD)
    .options(STREAM)
    .example('deltalab apply llama-base instruct.delta --out llama-instruct', 'every file as it was')
    .epilogue('Safe to interrupt: run it again to go on. The bytes of the base and of every file made are checked.')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ base, delta: named, out, overwrite, discard, ...args }: Args): Promise<void> {
  const stream = readStream(args)
  beginEarly([base], stream)
  const [{ applyDelta, openBase, openDelta, reportDelta }, { checkTarget }, { resolveFile }, sources] =
    await Promise.all([
      import('../../delta/index.js'),
      import('../../files/index.js'),
      import('../../hub/index.js'),
      import('../../sources/index.js'),
    ])
  startPhase('read the headers')
  const beforeDownload = () => checkTarget(out, resolve(out), overwrite, [base])
  const file = await resolveFile(named, { beforeDownload })
  if (await sources.isBitDeltaFile(file)) {
    await beforeDownload()
    await sources.applyBitDelta(file, await sources.openModel(base, { beforeDownload }), { out, overwrite })
    return print(`${out} written: the base with the signs and scales of BitDelta\n`)
  }
  const delta = await openDelta(file)
  await beforeDownload()
  const opened = await openBase(await sources.openModelFolder(base, { beforeDownload }))
  try {
    startPhase('restore the tensors')
    const total = delta.units.reduce((sum, { bytes }) => sum + bytes, 0)
    await tally({ name: 'apply', unit: 'bytes', total }, ({ add, found }) =>
      applyDelta(delta, opened, out, {
        ...{ ...stream, overwrite, discard, note },
        onBytes: (bytes, earlier, name) => (earlier ? found(bytes) : add(bytes, name)),
      }),
    )
    print(`${out} written: ${checksText(reportDelta(delta).files)}\n`)
  } finally {
    await opened.close()
  }
}
