// `deltalab rebuild`: a base and a file of seeds and scalars → the tuned checkpoint, bit for bit.

import { basename, resolve } from 'node:path'
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
  const [
    { hashFile, writeCard, writeCheckpoint },
    { readPoint, readSeeds, rebuild },
    { UserError },
    { checkTarget, packageVersion },
  ] = await Promise.all([
    import('../../checkpoint/index.js'),
    import('../../zeroth/index.js'),
    import('../../errors/index.js'),
    import('../../files/index.js'),
  ])
  startPhase('read the base and the delta')
  const seeds = await readSeeds(delta)
  await checkTarget(out, resolve(out), overwrite, [base])
  const { point, model, identity, config, configText, hashes, home, companions } = await readPoint(base)
  if (identity !== seeds.base)
    throw new UserError(`${delta}: belongs to another base: SHA-256 ${seeds.base}; ${base} has ${identity}`)
  startPhase('rebuild the weights')
  rebuild(point, seeds)
  const card = writeCard({
    title: basename(resolve(out)),
    inputs: [
      { role: 'base', name: basename(resolve(base)), contents: hashes },
      { role: 'delta', name: basename(delta), contents: { [basename(delta)]: await hashFile(delta) } },
    ],
    settings: { directions: seeds.scalars.length, seed: seeds.seed, dtype: 'F32' },
    software: { deltalab: packageVersion(), node: process.version },
    citations: ['Malladi et al. 2023 (MeZO), arXiv 2305.17333', 'Qin et al. 2024 (FedKSeed), arXiv 2312.06353'],
  })
  startPhase('write the checkpoint')
  await writeCheckpoint(out, {
    plan: [...point.keys()].map((name) => ({ name, shape: model.shapes[name]!, dtype: 'F32' })),
    tensors: [...point].map(([name, values]) => ({ name, values })),
    config,
    configText,
    copyFrom: home,
    tokenizerFrom: companions,
    card,
    overwrite,
  })
  print(`${out} written: ${base} and ${seeds.scalars.filter(Boolean).length} scalars of ${delta}\n`)
}
