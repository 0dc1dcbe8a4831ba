// `deltalab compress`: a model as a delta file, which gives it back to the byte.

import { basename, resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { track } from '../../progress/index.js'
import { deltaSums } from '../delta-text.js'
import { note, printResult, startPhase } from '../messages.js'
import { AS_JSON, BASE, place, readStream, STREAM } from '../options.js'

export const command = 'compress <base> <post>'

export function builder(cli: Argv) {
  return cli
    .positional('base', BASE)
    .positional('post', place('Folder of the model to store, or org/name[@revision] on the hub'))
    .option('out', { ...place('Delta file to write; it is complete or absent'), alias: 'o' })
    .option('lossless', {
      type: 'boolean',
      demandOption: true,
      describe:
        'Store every file so that deltalab apply gives it back to the byte; required: there is no other way yet',
    })
    .option('overwrite', { type: 'boolean', default: false, describe: 'Replace a delta file of that name' })
    .options(STREAM)
    .option('json', AS_JSON)
    .check(({ lossless }) => lossless || '--no-lossless: there is no other way to store a delta yet')
    .example(
      'deltalab compress llama-base llama-instruct --lossless --out instruct.delta',
      'about half of a bf16 model',
    )
    .epilogue('deltalab apply makes the folder again; deltalab deltas lists what a file holds (docs/delta-format.md).')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ base, post, out, overwrite, json, ...args }: Args): Promise<void> {
  const stream = readStream(args)
  const [{ bytesOfPlan, checkDeltaTarget, compressModel, openBase, planDelta, reportDelta }, { resolveModel }] =
    await Promise.all([import('../../delta/index.js'), import('../../hub/index.js')])
  const beforeDownload = () => checkDeltaTarget(out, overwrite)
  await beforeDownload()
  startPhase('read the headers')
  const opened = await openBase(await resolveModel(base, { beforeDownload }))
  try {
    const folder = await resolveModel(post, { beforeDownload })
    const plan = await planDelta(opened, folder)
    if (plan.hidden.length) note(`${folder}: hidden files are not stored: ${plan.hidden.join(', ')}`)
    startPhase('compress the tensors')
    const name = opened.folder === base ? basename(resolve(base)) : base
    const delta = await track({ name: 'compress', unit: 'bytes', total: bytesOfPlan(plan) }, ({ add }) =>
      compressModel({ plan, base: opened, post: folder }, out, { ...stream, name, overwrite, onBytes: add }),
    )
    const report = reportDelta(delta)
    printResult(json, { out, ...report }, `${deltaSums(report)}\n${out} written\n`)
  } finally {
    await opened.close()
  }
}
