// `deltalab merge`: the merge of a YAML file (mergekit's or ours), written as a checkpoint folder that other tools load.

import { basename, resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { checkSpace, checkTarget } from '../../files/index.js'
import {
  chooseTokenizer,
  describeMerge,
  estimateMerge,
  mergeCheckpoints,
  mergeSchema,
  openMergeModels,
  planMerge,
} from '../../merge/index.js'
import { makeRegistry, resolvePlugins } from '../../registry/index.js'
import { readYaml } from '../../schema/index.js'
import { printEstimate } from '../estimate-text.js'
import { print, startBackend, startPhase, warn, writeError } from '../messages.js'
import { noteModels } from '../model-notes.js'
import { AS_JSON, BACKEND, checkSeed, checkShardSize, OUT_FOLDER, OVERWRITE, place, SHARD_SIZE } from '../options.js'
import { PLUGIN } from '../plugins.js'
import { startProgress } from '../progress-bar.js'

export const command = 'merge <config> <out>'

export function builder(cli: Argv) {
  return cli
    .positional('config', place("Merge file (YAML): mergekit's form or ours"))
    .positional('out', OUT_FOLDER)
    .option('plugin', PLUGIN)
    .option('dry-run', {
      type: 'boolean',
      default: false,
      describe: 'Check everything from headers, print the cost, and write nothing',
    })
    .option('seed', { type: 'number', describe: 'Seed of random editors; default that of the file' })
    .option('shard-size', SHARD_SIZE)
    .option('overwrite', OVERWRITE)
    .option('backend', BACKEND)
    .option('json', AS_JSON)
    .example('deltalab merge ties.yml merged --dry-run', 'checks the file and shows disk and memory needs')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

/** Warnings that are printed; the JSON has all. */
const SHOWN = 8

export async function handler({ config, out, dryRun, seed, shardSize, overwrite, json, ...args }: Args): Promise<void> {
  checkShardSize(shardSize)
  if (seed !== undefined) checkSeed(seed)
  startPhase('read the merge file and the headers')
  const { value, text, locate } = readYaml(config, mergeSchema)
  const registry = await makeRegistry([...resolvePlugins(config, value.plugins), ...args.plugin])
  if (!dryRun && !overwrite) await checkTarget(out, resolve(out), false)
  const opened = await locate(() => openMergeModels(config, value))
  try {
    const { models, ...tokenizer } = await locate(() => chooseTokenizer(value, opened))
    const plan = locate(() => planMerge({ ...value, seed: seed ?? value.seed }, models, registry))
    const estimate = estimateMerge(plan)
    if (dryRun) return printEstimate(estimate, out, json)
    noteModels(
      models.all.map(({ checkpoint }) => checkpoint),
      true,
      () => plan.reference.checkpoint,
    )
    await checkTarget(out, resolve(out), overwrite, opened.folders)
    await checkSpace(out, resolve(out), estimate.result.bytes)
    const backend = await startBackend(args.backend)
    const provenance = await describeMerge(plan, basename(resolve(out)), text, backend.package)
    const warnings: string[] = []
    startPhase('merge the tensors')
    const bar = startProgress(estimate.result.parameters)
    await mergeCheckpoints(plan, out, {
      ...provenance,
      ...tokenizer,
      overwrite,
      maxShardBytes: shardSize * 1e9,
      onTensor: bar.advance,
      onWarning: (warning) => warnings.push(warning),
    }).finally(() => bar.stop())
    for (const warning of warnings.slice(0, SHOWN)) warn(warning)
    if (warnings.length > SHOWN) writeError(`and ${warnings.length - SHOWN} more warnings; --json lists them\n`)
    const { method, convention, result } = estimate
    const summary = `${result.tensors} tensors with ${result.parameters} parameters merged by ${method} (convention: ${convention})\n${out} written`
    const facts = { out, method, convention, ...result, warnings, backend: backend.name }
    print(json ? `${JSON.stringify(facts)}\n` : `${summary}\n`)
  } finally {
    await opened.close()
  }
}
