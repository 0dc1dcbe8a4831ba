// `deltalab calibrate`: finds on data what an editor leaves open: the q of DAREx, the scales of BitDelta.

import type { ArgumentsCamelCase, Argv } from 'yargs'
import { printResult, startBackend, startPhase } from '../messages.js'
import { BACKEND, checkCounts, checkSeed, PLAIN, TASK } from '../options.js'

export const command = 'calibrate <editor> <base> <post>'

export function builder(cli: Argv) {
  return cli
    .positional('editor', {
      choices: ['darex', 'bitdelta'] as const,
      demandOption: true,
      describe: 'What is calibrated',
    })
    .positional('base', {
      type: 'string',
      demandOption: true,
      describe: 'Base model: folder, or org/name[@revision] of the hub',
    })
    .positional('post', {
      type: 'string',
      demandOption: true,
      describe: 'Post-trained model: folder, LoRA adapter of the base, or org/name[@revision]',
    })
    .option('task', TASK)
    .option('items', {
      type: 'number',
      default: 128,
      describe: 'Last items of the task, to calibrate on; as many first ones check the result',
    })
    .option('drop-rate', {
      type: 'number',
      alias: 'drop',
      default: 0.9,
      describe: 'darex: probability that an entry is dropped',
    })
    .option('seed', { type: 'number', default: 0, describe: 'darex: seed of the mask' })
    .option('steps', { type: 'number', default: 200, describe: 'bitdelta: steps of Adam' })
    .option('rate', { type: 'number', default: 0.02, describe: 'bitdelta: learning rate, relative to each scale' })
    .option('out', {
      type: 'string',
      describe: 'bitdelta: checkpoint folder to write; the packed signs lie in it as signs.delta',
    })
    .option('overwrite', { type: 'boolean', default: false, describe: 'Replace a folder that deltalab wrote' })
    .option('ignore-unmatched', {
      type: 'boolean',
      default: false,
      describe: 'Go on without tensors that do not match, such as heads of tasks',
    })
    .option('backend', BACKEND)
    .option('json', PLAIN)
    .example(
      'deltalab calibrate darex checkpoints/small/base checkpoints/small/math --task math --drop 0.99',
      'q, and the loss beside that of DARE',
    )
    .example(
      'deltalab calibrate bitdelta checkpoints/small/base checkpoints/small/math --task math --out tuned',
      'one scale per matrix, trained on logits',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ editor, base, post, json, backend, ...args }: Args): Promise<void> {
  checkCounts({ items: args.items, steps: args.steps })
  checkSeed(args.seed)
  const [calibrate] = await Promise.all([import('../../calibrate/index.js')])
  await startBackend(backend)
  startPhase('calibrate')
  if (editor === 'darex') {
    const found = await calibrate.calibrateDarex(base, post, { ...args, drop_rate: args.dropRate })
    printResult(json, found, `${calibrate.describeDarex(found, args.dropRate)}\n`)
  } else {
    const found = await calibrate.calibrateScales(base, post, args)
    printResult(json, found, `${calibrate.describeScales(found)}${args.out ? `\n${args.out} written` : ''}\n`)
  }
}
