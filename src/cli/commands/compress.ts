// `deltalab compress`: a model as a delta file, which gives it back to the byte, or with what codecs keep of its deltas.
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { tally } from '../../progress/index.js'
import type { Registry } from '../../registry/index.js'
import { BUDGET, chooseOne, readBudget } from '../budget-flags.js'
import { CODEC, checkBare, readCodec, readLoss } from '../codec-flags.js'
import { tellBitDelta, tellDelta } from '../delta-text.js'
import { beginEarly } from '../early-threads.js'
import { mayHaveEditors } from '../editor-flags.js'
import { note, startBackend, startPhase, warnKinds } from '../messages.js'
import { AS_JSON, BACKEND, BASE, DISCARD, place, readStream, STREAM } from '../options.js'
import { readRegistry } from '../plugins.js'

export const command = 'compress <base> <post>'

export function builder(cli: Argv, registry?: Registry) {
  return mayHaveEditors(
    cli
      .positional('base', BASE)
      .positional('post', place('Folder of the model to store, or org/name[@revision] on the hub'))
      .option('out', { ...place('Delta file to write; it is complete or absent'), alias: 'o' })
      .option('lossless', { type: 'boolean', describe: 'Store every file so that apply gives it back to the byte' })
      .options(CODEC)
      .options(BUDGET),
    registry,
  )
    .option('overwrite', { type: 'boolean', default: false, describe: 'Replace a delta file of that name' })
    .option('discard', DISCARD)
    .options(STREAM)
    .option('backend', BACKEND)
    .option('json', AS_JSON)
    .example('deltalab compress base post --lossless --out post.delta', 'about half of a bf16 model')
    .example(
      'deltalab compress llama-base llama-instruct --codec sign --include linear --out instruct.delta',
      'a bit for each parameter of the layers; the other tensors lossless',
    )
    .example(
      'deltalab compress base post --codec drawn --drop 0.9 --seed 1 --out post.delta',
      'apply writes what deltalab edit --editor dare writes; the mask takes no bytes',
    )
    .example(
      'deltalab compress base post --budget 1bit --task math --out post.delta',
      'a bit for each parameter, spent where it saves most loss; the loss is measured on items not chosen by',
    )
    .example('deltalab compress llama-base llama-instruct --bitdelta --out diff.pt', "a file for BitDelta's own loader")
    .epilogue('deltalab apply makes the folder again; deltalab deltas lists what a file holds (docs/delta-format.md).')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ base, post, out, overwrite, discard, json, ...args }: Args): Promise<void> {
  const stream = readStream(args)
  const registry = await readRegistry(args.plugin)
  const wanted = await readBudget(args)
  const isLossy = readLoss(args, wanted !== null)
  if (args.bitdelta) {
    checkBare('--bitdelta', args, { registry, taken: ['include', 'exclude'] })
    const { writeBitDelta } = await import('../../sources/index.js')
    return tellBitDelta(await writeBitDelta(base, post, { ...args, memory: stream.memory, out, overwrite }), out, json)
  }
  if (args.codec === 'seeds') {
    checkBare('--codec seeds', args, { registry, taken: ['jobs'] })
    const { compressSeeds } = await import('../../zeroth/index.js')
    return tellDelta(await compressSeeds(base, post, { ...stream, out, overwrite, discard, note }), out, json)
  }
  const chosen = readCodec(args, registry)
  if (!wanted) beginEarly([base, post], stream)
  const [
    { bytesOfPlan, checkDeltaTarget, openBase },
    { chooseAll, describeLeft, openStoredPair, planCompression },
    { openModelFolder, recordedName },
  ] = await Promise.all([
    import('../../delta/index.js'),
    import('../../compress/index.js'),
    import('../../sources/index.js'),
  ])
  const beforeDownload = () => checkDeltaTarget(out, overwrite, post)
  await beforeDownload()
  startPhase('read the headers')
  const where = { beforeDownload, isStored: isLossy || wanted !== null }
  const opened = await openBase(await openModelFolder(base, where))
  try {
    const from = await openModelFolder(post, { ...where, base: opened })
    const budget = wanted && (await chooseOne(opened.path, from.path, { ...args, ...stream, ...wanted, registry }))
    const pair = isLossy || budget ? await openStoredPair(opened.path, from.path) : null
    const choices = budget?.choices ?? (pair ? chooseAll(pair, chosen, args) : new Map())
    const planned = await planCompression(pair, { base: opened, post: from.path, choices, isFast: args.fast })
    const { plan, left } = planned
    if (plan.hidden.length) note(`${from.path}: hidden files are not stored: ${plan.hidden.join(', ')}`)
    if (left.size) note(describeLeft(left))
    if (planned.needsBackend) await startBackend(args.backend)
    startPhase('compress the tensors')
    const warnings: string[] = []
    // What a codec does to a tensor was looked at where it was chosen.
    const onWarning = (text: string) => void (budget ?? warnings.push(text))
    const how = { ...stream, ...(budget && { memory: budget.memory }), overwrite, discard, note, onWarning }
    const options = { ...how, name: recordedName(base), choice: budget?.record }
    const delta = await tally({ name: 'compress', unit: 'bytes', total: bytesOfPlan(plan) }, ({ add, found }) =>
      planned.write(out, { ...options, onBytes: (bytes, of, old) => (old ? found(bytes) : add(bytes, of)) }),
    )
    await Promise.all([pair?.base.close(), pair?.post.close(), from.close()])
    warnKinds(warnings)
    await tellDelta(delta, out, json)
  } finally {
    await opened.close()
  }
}
