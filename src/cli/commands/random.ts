// `deltalab random`: a random model of any size.

import type { ArgumentsCamelCase, Argv } from 'yargs'
import { readObject, readText } from '../../schema/index.js'
import { print, startBackend, startPhase } from '../messages.js'
import { checkSeed } from '../options.js'

export const command = 'random <out>'

export function builder(cli: Argv) {
  return cli
    .positional('out', { type: 'string', demandOption: true, describe: 'Folder to write' })
    .option('config', { type: 'string', demandOption: true, describe: 'A config.json: architecture and sizes' })
    .option('near', { type: 'string', describe: 'Model to stand near: its weights plus --amount times fresh weights' })
    .option('amount', { type: 'number', default: 0.02, describe: 'Size of the delta beside fresh weights' })
    .option('tokenizer', { type: 'string', describe: 'Model whose tokenizer is copied; that of --near unless given' })
    .option('dtype', {
      choices: ['F32', 'BF16', 'F16'] as const,
      default: 'BF16' as const,
      describe: 'Format of the weights',
    })
    .option('seed', { type: 'number', default: 0, describe: 'Seed of the weights' })
    .option('overwrite', { type: 'boolean', default: false, describe: 'Replace a folder that deltalab wrote' })
    .example('deltalab random big/base --config big.json --tokenizer checkpoints/small/base', 'the base of a pair')
    .example('deltalab random big/post --config big.json --near big/base --seed 1', 'and its post-trained model')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ out, config: file, ...options }: Args): Promise<void> {
  checkSeed(options.seed)
  const config = readObject(file)
  const [{ writeRandom }] = await Promise.all([import('../../train/random.js')])
  await startBackend('wasm')
  startPhase('write the weights')
  const parameters = await writeRandom(out, { ...options, config, configText: readText(file) })
  print(`${out}: ${parameters} parameters of ${String(config.model_type)}, ${options.dtype}\n`)
}
