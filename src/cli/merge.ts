// `deltalab merge`: the merge of a YAML file (mergekit's or our own), written as a checkpoint folder that other tools load.
import { basename, resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { checkTarget } from '../checkpoint/index.js'
import { readLocated } from '../config/located.js'
import { UserError } from '../errors/index.js'
import { chooseTokenizer, configOf, describeMerge, estimateMerge, mergeCheckpoints, mergeSchema, openModels, planMerge } from '../merge/index.js'
import { BACKENDS, setBackend, type BackendName } from '../tensor/index.js'
import { printEstimate } from './estimate.js'
import { startProgress } from './progress.js'

export const command = 'merge <config> <out>'
export const describe = 'Merge checkpoints as a YAML file says (mergekit\'s, or our own) and write the merged checkpoint'

export function builder(cli: Argv) {
  return cli.positional('config', { type: 'string', demandOption: true, describe: 'YAML file' })
    .positional('out', { type: 'string', demandOption: true, describe: 'Folder to write; it appears when it is complete' })
    .option('dry-run', { type: 'boolean', default: false, describe: 'Check everything from headers, print what would be read and written, and stop' })
    .option('seed', { type: 'number', describe: 'Seed of random editors; that of the file when left out' })
    .option('shard-size', { type: 'number', default: 5, describe: 'Largest weight file, GB' })
    .option('overwrite', { type: 'boolean', default: false, describe: 'Replace an existing checkpoint folder' })
    .option('backend', { choices: BACKENDS, default: 'auto' as BackendName, describe: 'TensorFlow.js backend' })
    .option('json', { type: 'boolean', default: false, describe: 'Print the summary as JSON' })
    .example('deltalab merge ties.yml merged --dry-run', 'is everything right, and what would it take?')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  if (!(args.shardSize > 0)) throw new UserError('--shard-size must be above 0', { exitCode: 2 })
  const seed = args.seed
  if (seed !== undefined && (!Number.isSafeInteger(seed) || seed < 0)) throw new UserError(`--seed must be a whole number ≥ 0; got ${seed}`, { exitCode: 2 })
  const { value, text, errorAt } = await readLocated(args.config, mergeSchema)
  if (!args.dryRun) await checkTarget(args.out, resolve(args.out), args.overwrite)
  const models = await openModels(args.config, value, errorAt)
  try {
    const plan = planMerge({ ...value, seed: seed ?? value.seed }, models, errorAt)
    const copyFrom = await chooseTokenizer(value.tokenizer_source, plan, models, errorAt)
    const estimate = estimateMerge(plan)
    if (args.dryRun) return printEstimate(estimate, args.out, args.json)
    const backend = await setBackend(args.backend)
    const provenance = await describeMerge(plan, basename(resolve(args.out)), text, backend.package)
    const config = configOf(plan) ?? (copyFrom === plan.reference.checkpoint.folder ? undefined : (plan.reference.checkpoint.config ?? undefined))
    const warnings: string[] = []
    const bar = startProgress(plan.tensors.reduce((sum, { shape }) => sum + shape.reduce((n, side) => n * side, 1), 0))
    await mergeCheckpoints(plan, args.out, {
      ...provenance, config, copyFrom, overwrite: args.overwrite, maxShardBytes: args.shardSize * 1e9,
      onTensor: (name, bytes) => bar.advance(bytes, name), onWarning: (warning) => warnings.push(warning),
    }).finally(() => bar.stop())
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
    const { method, convention, result } = estimate
    if (args.json) process.stdout.write(`${JSON.stringify({ out: args.out, method, convention, ...result, warnings, backend: backend.name })}\n`)
    else process.stdout.write(`${result.tensors} tensors with ${result.parameters} parameters merged by ${method} (convention: ${convention})\n${args.out} written\n`)
  } finally {
    await models.close()
  }
}
