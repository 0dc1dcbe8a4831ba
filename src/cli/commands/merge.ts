// `deltalab merge`: the merge of a YAML file (mergekit's or ours), written as a checkpoint folder that other tools load.

import { resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import type { MergeFile } from '../../merge/index.js'
import { beginEarly } from '../early-threads.js'
import { processorSeconds } from '../edit-text.js'
import { applyFlags, withMergekitFlags, withoutLoneTemplate } from '../mergekit-flags.js'
import { note, print, printText, startBackend, startPhase, warn, warnKinds } from '../messages.js'
import { noteModels } from '../model-notes.js'
import {
  AS_JSON,
  checkSeed,
  IGNORE_UNMATCHED,
  OUT_FOLDER,
  place,
  readStream,
  WEIGHTS_BACKEND,
  WRITING,
} from '../options.js'
import { chooseThread } from '../own-thread.js'
import { PLUGIN } from '../plugins.js'
import { trackBytes } from '../track-bytes.js'

export const command = 'merge <config> [out|o]'

export function builder(cli: Argv) {
  return withMergekitFlags(cli)
    .positional('config', place("Merge file (YAML): mergekit's form or ours"))
    .option('out', OUT_FOLDER)
    .option('plugin', PLUGIN)
    .option('seed', { type: 'number', describe: 'Seed of random editors; default that of the file' })
    .option('ignore-unmatched', IGNORE_UNMATCHED)
    .options(WRITING)
    .option('backend', WEIGHTS_BACKEND)
    .option('json', AS_JSON)
    .epilogue("mergekit-yaml's options are taken too: docs/mergers.md says what each one does.")
    .example('deltalab merge ties.yml --out merged --dry-run', 'checks the file and shows disk and memory needs')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

/** As the file names them. */
const modelsIn = ({ models = [], slices = [] }: MergeFile): string[] =>
  [...models, ...slices.flatMap(({ sources }) => sources)].map(({ model }) => model)

export async function handler({ config, out, dryRun, overwrite, discard, json, ...args }: Args): Promise<void> {
  const flags = applyFlags(args)
  const stream = readStream({ ...args, jobs: args.jobs ?? args.numThreads })
  const seed = args.seed ?? args.randomSeed
  if (seed !== undefined) checkSeed(seed)
  const { checkSpace, checkTarget } = await import('../../files/index.js')
  const { forecastMerge, holdsThread, needsBackend, openMerge, readMergeFile, writeMerge } = await import(
    '../../merge/index.js'
  )
  const { forWeights, KERNELS } = await import('../../tensor/index.js')
  startPhase('read the merge file and the headers')
  const located = withoutLoneTemplate(readMergeFile(config), flags.write.copyTokenizer)
  // Keys that are passed over may be the reason of what is wrong with the rest.
  located.notes.forEach(warn)
  beginEarly(modelsIn(located.value), stream)
  const opened = await openMerge(config, located, {
    seed,
    ...(args.ignoreUnmatched && { ignoreUnmatched: true }),
    plugins: args.plugin,
    beforeDownload: () => checkTarget(out, resolve(out), overwrite, modelsIn(located.value)),
    ...flags.open,
  })
  try {
    const { plan, estimate, models, notes } = opened
    chooseThread(!dryRun && holdsThread(opened))
    notes.slice(located.notes.length).forEach(warn)
    await checkTarget(out, resolve(out), overwrite, models.folders)
    if (dryRun) {
      await checkSpace(out, resolve(out), estimate.result.bytes)
      const seconds = await forecastMerge(plan, stream, processorSeconds)
      return (await import('../estimate-text.js')).printEstimate({ ...estimate, seconds }, out, json)
    }
    noteModels(
      models.all.map(({ checkpoint }) => checkpoint),
      true,
      () => plan.reference.checkpoint,
      !plan.tensors.some(({ stored }) => stored?.compute === 'F64'),
    )
    const backend = needsBackend(plan) ? await startBackend(forWeights(args.backend)) : KERNELS
    startPhase('merge the tensors')
    const { shardSize } = args
    const how = { backend: backend.package, overwrite, shardSize, ...flags.write, ...stream, resume: { discard, note } }
    const summary = await trackBytes('merge', estimate.result.bytes, (told) =>
      writeMerge(opened, out, { ...how, ...told }),
    )
    const { method, convention, tensors, parameters, warnings } = summary
    warnKinds(warnings.slice(notes.length))
    const merged = `${tensors} tensors with ${parameters} parameters merged by ${method} (convention: ${convention})`
    if (json) print(`${JSON.stringify({ ...summary, backend: backend.name })}\n`)
    else printText(`${merged}\n${out} written\n`)
  } finally {
    await opened.close()
  }
}
