// `deltalab calibrate`: finds parameters of an editor on data: the q of DAREx, the scales of BitDelta.

import type { ArgumentsCamelCase, Argv } from 'yargs'
import { UserError } from '../../errors/index.js'
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
      describe: 'darex: probability that an entry is dropped; default 0.9',
    })
    .option('seed', { type: 'number', describe: 'darex: seed of the mask; default 0' })
    .option('steps', { type: 'number', describe: 'bitdelta: optimiser steps (Adam); default 200' })
    .option('rate', {
      type: 'number',
      describe: 'bitdelta: learning rate, as a fraction of each scale; default 0.02',
    })
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

/** Options that one editor takes alone. */
const OWN = { darex: ['drop-rate', 'seed'], bitdelta: ['steps', 'rate', 'out'] } as const

export async function handler({ editor, base, post, json, backend, plugin, ...given }: Args): Promise<void> {
  const stray = OWN[editor === 'darex' ? 'bitdelta' : 'darex'].find((name) => given[name] !== undefined)
  if (stray) throw new UserError(`calibrate ${editor} takes no --${stray}; leave it out`, { exitCode: 2 })
  const { dropRate = 0.9, seed = 0, steps = 200, rate = 0.02 } = given
  const args = { ...given, seed, steps, rate }
  checkCounts({ items: args.items, steps })
  checkSeed(seed)
  const task = await readTask(args.task, args)
  const [calibrate] = await Promise.all([import('../../calibrate/index.js')])
  const options = { ...args, task, tasks: (await readRegistry(plugin)).tasks }
  await startBackend(backend)
  startPhase('calibrate')
  if (editor === 'darex') {
    const found = await calibrate.calibrateDarex(base, post, { ...options, drop_rate: dropRate })
    printResult(json, found, `${calibrate.describeDarex(found, dropRate)}\n`)
  } else {
    const found = await calibrate.calibrateScales(base, post, options)
    printResult(json, found, `${calibrate.describeScales(found)}${args.out ? `\n${args.out} written` : ''}\n`)
  }
}
