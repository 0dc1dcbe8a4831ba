// `deltalab extract`: the delta of a pair as a LoRA adapter that peft loads.

import { resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { track } from '../../progress/index.js'
import { note, print, startPhase, warn } from '../messages.js'
import { noteModels } from '../model-notes.js'
import { AS_JSON, checkCounts, DTYPE, OUT_FOLDER, OVERWRITE, readStream, STREAM } from '../options.js'
import { addPairOptions } from '../pair-options.js'

export const command = 'extract <base> <post>'

export function builder(cli: Argv) {
  return addPairOptions(cli, 'extract')
    .option('rank', { type: 'number', default: 16, describe: 'Rank of the adapter: singular values kept per matrix' })
    .option('vectors', {
      type: 'boolean',
      default: false,
      describe: 'Also store changed tensors that are not matrices (norms, biases, class tokens), whole',
    })
    .option('dtype', { ...DTYPE, describe: 'Format of the written factors', default: 'float32' as const })
    .option('out', OUT_FOLDER)
    .option('overwrite', OVERWRITE)
    .options(STREAM)
    .option('json', AS_JSON)
    .example('deltalab extract base post --rank 8 --include linear --out adapter', 'attention and MLP at rank 8')
    .epilogue('Every command that takes <post> also takes the adapter.')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ out, rank, include, exclude, vectors, overwrite, json, ...args }: Args): Promise<void> {
  checkCounts({ rank })
  const stream = readStream(args)
  const [{ openModels }, { dtypeNamed, pairCheckpoints }, { describeExtract, extractAdapter }, { checkTarget }] =
    await Promise.all([
      import('../../sources/index.js'),
      import('../../checkpoint/index.js'),
      import('../../edit/index.js'),
      import('../../files/index.js'),
    ])
  const checkOut = () => checkTarget(out, resolve(out), overwrite, [args.base, args.post])
  startPhase('read the headers')
  const [base, post] = noteModels(await openModels(args.base, args.post, { beforeDownload: checkOut }))
  const pair = await pairCheckpoints(base, post, { ignoreUnmatched: args.ignoreUnmatched })
  await checkOut()
  startPhase('factorise the tensors')
  const bytes = pair.names.reduce((sum, name) => sum + post.tensors.get(name)!.end - post.tensors.get(name)!.begin, 0)
  const dtype = dtypeNamed(args.dtype)
  const how = { rank, include, exclude, vectors, dtype, overwrite, ...stream, baseModel: args.base }
  const summary = await track({ name: 'extract', unit: 'bytes', total: bytes }, ({ add }) =>
    extractAdapter(pair, out, { ...how, onTensor: (name, size) => add(size, name) }),
  )
  await Promise.all([post.close(), base.close()])
  const { notes, warnings, text } = describeExtract(summary)
  for (const each of notes) note(each)
  for (const each of warnings) warn(each)
  if (pair.unmatched.length) warn(`not in the adapter, without a partner: ${pair.unmatched.join(', ')}`)
  print(json ? `${JSON.stringify({ out, ...summary })}\n` : `${text}\n${out} written\n`)
}
