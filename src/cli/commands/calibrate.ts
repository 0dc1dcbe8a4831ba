// `deltalab calibrate`: finds parameters of an editor on data: the q of DAREx, the scales of BitDelta.

import type { ArgumentsCamelCase, Argv } from 'yargs'
import { printResult, startBackend, startPhase } from '../messages.js'
import {
  AS_JSON,
  BACKEND,
  BASE,
  checkCounts,
  checkSeed,
  IGNORE_UNMATCHED,
  OVERWRITE,
  outPlace,
  POST,
  TASK,
} from '../options.js'
import { PLUGIN, readRegistry } from '../plugins.js'
import { readTask, TEXT } from '../text-options.js'

export const command = 'calibrate <editor> <base> <post>'

export function builder(cli: Argv) {
  return cli
    .positional('editor', {
      choices: ['darex', 'bitdelta'] as const,
      demandOption: true,
      describe: 'darex finds its q, bitdelta trains its scales',
    })
    .positional('base', BASE)
    .positional('post', POST)
    .options({ task: TASK, ...TEXT })
    .option('items', {
      type: 'number',
      default: 128,
      describe: 'Number of last items to calibrate on; the same number of first items checks the result',
    })
    .option('drop-rate', {
      type: 'number',
      alias: 'drop',
      default: 0.9,
      describe: 'darex: probability that an entry is dropped',
    })
    .option('seed', { type: 'number', default: 0, describe: 'darex: seed of the mask' })
    .option('steps', { type: 'number', default: 200, describe: 'bitdelta: optimiser steps (Adam)' })
    .option('rate', { type: 'number', default: 0.02, describe: 'bitdelta: learning rate, as a fraction of each scale' })
    .option('out', outPlace('bitdelta: checkpoint folder to write; signs.delta in it holds the packed signs'))
    .option('overwrite', OVERWRITE)
    .option('ignore-unmatched', IGNORE_UNMATCHED)
    .option('plugin', PLUGIN)
    .option('backend', BACKEND)
    .option('json', AS_JSON)
    .example(
      'deltalab calibrate darex checkpoints/small/base checkpoints/small/math --task math --drop 0.99',
      'the q of DAREx, and its loss compared with DARE',
    )
    .example(
      'deltalab calibrate bitdelta checkpoints/small/base checkpoints/small/math --task math --out tuned',
      'one scale per matrix, trained on the logits of post',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ editor, base, post, json, backend, plugin, ...args }: Args): Promise<void> {
  checkCounts({ items: args.items, steps: args.steps })
  checkSeed(args.seed)
  const task = await readTask(args.task, args)
  const [calibrate] = await Promise.all([import('../../calibrate/index.js')])
  const options = { ...args, task, tasks: (await readRegistry(plugin)).tasks }
  await startBackend(backend)
  startPhase('calibrate')
  if (editor === 'darex') {
    const found = await calibrate.calibrateDarex(base, post, { ...options, drop_rate: args.dropRate })
    printResult(json, found, `${calibrate.describeDarex(found, args.dropRate)}\n`)
  } else {
    const found = await calibrate.calibrateScales(base, post, options)
    printResult(json, found, `${calibrate.describeScales(found)}${args.out ? `\n${args.out} written` : ''}\n`)
  }
}
