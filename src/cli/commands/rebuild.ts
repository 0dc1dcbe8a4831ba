// `deltalab rebuild`: a base and a file of seeds and scalars → the tuned checkpoint, bit for bit.

import { resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { print, startPhase } from '../messages.js'
import { OUT_FOLDER, OVERWRITE, place } from '../options.js'

export const command = 'rebuild <base> <delta>'

export function builder(cli: Argv) {
  return cli
    .positional('base', place('Base that the delta was made from: folder, or org/name[@revision] on the hub'))
    .positional('delta', place('File of seeds and scalars, written by deltalab zeroth'))
    .option('out', OUT_FOLDER)
    .option('overwrite', OVERWRITE)
    .example(
      'deltalab rebuild checkpoints/small/base results/zeroth-order/mezo.safetensors --out tuned',
      'float32 weights, bit for bit those of the training run',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ base, delta, out, overwrite }: Args): Promise<void> {
  const [{ openSeeded, writeRebuilt }, { checkTarget }] = await Promise.all([
    import('../../zeroth/index.js'),
    import('../../files/index.js'),
  ])
  startPhase('read the base and the delta')
  await checkTarget(out, resolve(out), overwrite, [base])
  const seeded = await openSeeded(base, delta)
  startPhase('rebuild the weights')
  await writeRebuilt(seeded, { out, overwrite })
  print(`${out} written: ${base} and ${seeded.seeds.scalars.filter(Boolean).length} scalars of ${delta}\n`)
}
