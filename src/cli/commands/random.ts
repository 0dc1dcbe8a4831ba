// `deltalab random`: a random model of any size.

import type { ArgumentsCamelCase, Argv } from 'yargs'
import { readObject, readText } from '../../schema/index.js'
import { print, startPhase } from '../messages.js'
import { checkSeed, DTYPE, OUT_FOLDER, OVERWRITE, place } from '../options.js'

export const command = 'random <config>'

export function builder(cli: Argv) {
  return cli
    .positional('config', place('A config.json with architecture and sizes'))
    .option('out', OUT_FOLDER)
    .option('near', { type: 'string', describe: 'Model to start from: its weights plus --amount times random weights' })
    .option('amount', { type: 'number', default: 0.02, describe: 'Size of the delta, as a fraction of random weights' })
    .option('tokenizer', { type: 'string', describe: 'Model whose tokenizer is copied; default that of --near' })
    .option('dtype', { ...DTYPE, describe: 'Format of the written weights', default: 'bfloat16' as const })
    .option('seed', { type: 'number', default: 0, describe: 'Seed of the weights' })
    .option('overwrite', OVERWRITE)
    .example('deltalab random big.json --out big/base --tokenizer checkpoints/small/base', 'a random base')
    .example('deltalab random big.json --out big/post --near big/base --seed 1', 'a post-trained model near it')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ out, config: file, ...options }: Args): Promise<void> {
  checkSeed(options.seed)
  const config = readObject(file)
  const [{ writeRandom }, { dtypeNamed }] = await Promise.all([
    import('../../train/index.js'),
    import('../../checkpoint/index.js'),
  ])
  const dtype = dtypeNamed(options.dtype)
  startPhase('write the weights')
  const parameters = await writeRandom(out, { ...options, dtype, config, configText: readText(file) })
  print(`${out}: ${parameters} parameters of ${String(config.model_type)}, ${options.dtype}\n`)
}
