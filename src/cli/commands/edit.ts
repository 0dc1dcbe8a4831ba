// `deltalab edit`: one edit of one pair, written as a checkpoint folder that other tools load.
import { resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { dtypeNamed, pairCheckpoints } from '../../checkpoint/index.js'
import { checkSteps, estimateEdit, forecastEdit, openGrams, writeEdit } from '../../edit/index.js'
import { checkSpace, checkTarget } from '../../files/index.js'
import { describePlugins, type Registry } from '../../registry/index.js'
import { expandPath } from '../../schema/index.js'
import { openModels } from '../../sources/index.js'
import { forWeights, KERNELS } from '../../tensor/index.js'
import { beginEarly } from '../early-threads.js'
import { editText, printEditEstimate, processorSeconds } from '../edit-text.js'
import { readSteps, withEditors } from '../editor-flags.js'
import { note, print, printText, startBackend, startPhase, warn, warnKinds } from '../messages.js'
import { noteModels, noteSkipped } from '../model-notes.js'
import { AS_JSON, DTYPE, OUT_FOLDER, readStream, TOKENIZER, WEIGHTS_BACKEND, WRITING } from '../options.js'
import { chooseThread } from '../own-thread.js'
import { addPairOptions } from '../pair-options.js'
import { readRegistry } from '../plugins.js'
import { trackBytes } from '../track-bytes.js'

export const command = 'edit <base> <post>'

export function builder(cli: Argv, registry?: Registry) {
  return withEditors(addPairOptions(cli, 'edit'), registry)
    .option('out', OUT_FOLDER)
    .option('on', {
      choices: ['delta', 'weights'] as const,
      default: 'delta' as const,
      describe: 'What to edit: the delta, or the weights themselves',
    })
    .option('data', {
      type: 'string',
      coerce: expandPath,
      describe: 'Folder of Gram matrices from deltalab information --kind gram, for delta_come with gptq',
    })
    .option('dtype', { ...DTYPE, describe: 'Format of the written weights; default that of <post>' })
    .options(WRITING)
    .option('tokenizer', TOKENIZER)
    .option('backend', WEIGHTS_BACKEND)
    .option('json', AS_JSON)
    .example(
      'deltalab edit base post --editor dare --drop 0.9 --seed 1 --out edited',
      'drop 90 % of the delta, rescale the rest',
    )
    .example(
      'deltalab edit base post --include linear --editor magnitude:drop_rate=0.5 --editor bitdelta --out edited',
      'a chain of two editors, on the matrices of layers',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  const registry = await readRegistry(args.plugin)
  const steps = readSteps(args, registry)
  checkSteps(steps, args.data !== undefined)
  // What is wrong with the models is said before a folder that is there; only a download waits for a free name.
  const checkOut = () => checkTarget(args.out, resolve(args.out), args.overwrite, [args.base, args.post])
  const stream = readStream(args)
  beginEarly([args.base, args.post], stream)
  startPhase('read the headers')
  const opened = await openModels(args.base, args.post, { tokenizer: args.tokenizer, beforeDownload: checkOut })
  const [base, post] = noteModels(opened, true, () => opened[1])
  const pair = await pairCheckpoints(base, post, { ignoreUnmatched: args.ignoreUnmatched })
  await checkOut()
  const { seed, on, include, exclude, overwrite, shardSize, discard, json } = args
  const grams = args.data === undefined ? undefined : await openGrams(args.data, pair)
  const dtype = args.dtype && dtypeNamed(args.dtype)
  const settings = { steps, seed, on, include, exclude, grams, dtype }
  const estimate = estimateEdit(pair, settings)
  chooseThread(!args.dryRun && (estimate.needsBackend || registry.plugins.length > 0))
  const close = () => Promise.all([base.close(), post.close(), grams?.close()])
  if (args.dryRun) {
    await checkSpace(args.out, resolve(args.out), estimate.bytes)
    const seconds = await forecastEdit(pair, { ...settings, ...stream }, processorSeconds)
    return close().then(() => printEditEstimate({ ...estimate, seconds }, args.out, json))
  }
  const backend = estimate.needsBackend ? await startBackend(forWeights(args.backend)) : KERNELS
  const warnings: string[] = []
  startPhase('edit the tensors')
  const options = { ...settings, ...stream, registry, overwrite, onWarning: (text: string) => warnings.push(text) }
  const summary = await trackBytes('edit', estimate.bytes, (told) =>
    writeEdit(
      pair,
      args.out,
      { ...options, ...told },
      {
        backend: backend.package,
        ...describePlugins(registry, { editors: steps.map(({ editor }) => editor.name) }),
        shardSize,
        discard,
        note,
      },
    ),
  )
  await close()
  const paired = pair.names.map((name) => post.tensors.get(name)!)
  noteSkipped(paired, args, summary.passed)
  warnKinds(warnings)
  if (summary.delta_norm === 0)
    warn(
      `${on === 'delta' ? 'base and post are equal' : 'all weights are 0'} in the edited tensors: nothing was changed`,
    )
  if (json) print(`${JSON.stringify({ out: args.out, ...summary, warnings, backend: backend.name })}\n`)
  else printText(editText(summary, on, args.out))
}
