// `deltalab edit`: one edit of one pair, written as a checkpoint folder that other tools load.
import { basename, resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { startProgress } from './progress.js'
import { readSteps, withEditors } from './steps.js'

export const command = 'edit <base> <post>'
export const describe = 'Edit the delta between two checkpoints and write the edited checkpoint'

export function builder(cli: Argv) {
  return withEditors(cli)
    .positional('base', { type: 'string', demandOption: true, describe: 'Folder of the base model (config.json, safetensors)' })
    .positional('post', { type: 'string', demandOption: true, describe: 'Folder of the post-trained model' })
    .option('out', { type: 'string', demandOption: true, describe: 'Folder to write; it appears when it is complete' })
    .option('include', { type: 'string', array: true, nargs: 1, default: [] as string[], describe: 'Tensors to edit: names with *, role:<role>, or linear; all when left out' })
    .option('exclude', { type: 'string', array: true, nargs: 1, default: [] as string[], describe: 'Tensors to leave as they are' })
    .option('on', { choices: ['delta', 'weights'] as const, default: 'delta' as const, describe: 'Edit the delta, or the post-trained weights themselves' })
    .option('dtype', { choices: ['f32', 'bf16', 'f16'] as const, describe: 'Format of the weights written; that of <post> when left out' })
    .option('shard-size', { type: 'number', default: 5, describe: 'Largest weight file, GB' })
    .option('overwrite', { type: 'boolean', default: false, describe: 'Replace an existing checkpoint folder' })
    .option('ignore-unmatched', { type: 'boolean', default: false, describe: 'Copy tensors of <post> that have no partner in <base>' })
    .option('backend', { choices: ['auto', 'tensorflow', 'wasm', 'cpu'] as const, default: 'auto' as const, describe: 'TensorFlow.js backend' })
    .option('json', { type: 'boolean', default: false, describe: 'Print the summary as JSON' })
    .example('deltalab edit base post --editor dare --drop 0.9 --seed 1 --out edited', 'drop 90 % of the delta and rescale the rest')
    .example('deltalab edit base post --include linear --editor magnitude:drop_rate=0.5 --editor bitdelta --out edited', 'a chain')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  const [{ checkTarget, openCheckpoint, pairCheckpoints }, { checkSteps, describeEdit, editCheckpoint }, { setBackend }] =
    await Promise.all([import('../checkpoint/index.js'), import('../edit/index.js'), import('../tensor/index.js')])
  const steps = readSteps(args)
  checkSteps(steps)
  await checkTarget(args.out, resolve(args.out), args.overwrite)
  const [base, post] = [await openCheckpoint(args.base), await openCheckpoint(args.post)]
  const pair = await pairCheckpoints(base, post, { ignoreUnmatched: args.ignoreUnmatched })
  const settings = { steps, seed: args.seed, on: args.on, include: args.include, exclude: args.exclude, dtype: args.dtype?.toUpperCase() as 'F32' | 'BF16' | 'F16' | undefined }
  const backend = await setBackend(args.backend)
  const provenance = await describeEdit(basename(resolve(args.out)), pair, settings, backend.package)

  const bar = startProgress([...post.tensors.values()].reduce((sum, { begin, end }) => sum + end - begin, 0))
  const summary = await editCheckpoint(pair, args.out, {
    ...settings, ...provenance, overwrite: args.overwrite, maxShardBytes: args.shardSize * 1e9, onTensor: (name, bytes) => bar.advance(bytes, name),
  }).finally(() => bar.stop())
  await Promise.all([base.close(), post.close()])
  const { tensors, parameters, kept, bits_per_parameter, delta_norm, edit_norm } = summary
  if (args.json) process.stdout.write(`${JSON.stringify({ out: args.out, ...summary, backend: backend.name })}\n`)
  else {
    process.stdout.write(`${tensors} tensors with ${parameters} parameters edited: ${kept} non-zero entries (${((100 * kept) / parameters).toFixed(2)} %), ` +
      `${bits_per_parameter.toFixed(2)} bits per parameter, norm of the ${args.on} ${delta_norm.toPrecision(4)}, of the change ${edit_norm.toPrecision(4)}\n${args.out} written\n`)
  }
}
