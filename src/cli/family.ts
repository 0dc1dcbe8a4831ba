// `deltalab family`: the miniature models in checkpoints/, made again from their seeds.
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import type { BackendName } from '../tensor/index.js'

export const command = 'family'
export const describe = 'Train the miniature family in checkpoints/ again from its seeds'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const SIZES = { small: ['base', 'math', 'code', 'instruct', 'code-early'], large: ['base', 'math', 'code', 'instruct'] }
const DATA = { seed: 1, documents: 240_000, trainItems: 16_000 }

export function builder(cli: Argv) {
  return cli
    .option('only', { choices: ['small', 'large'] as const, describe: 'One size of the family' })
    .option('workers', { type: 'number', default: availableParallelism(), describe: 'Threads that share a step; any number gives the same bits' })
    .option('backend', { choices: ['auto', 'tensorflow', 'wasm', 'cpu'] as const, default: 'auto' as BackendName, describe: 'TensorFlow.js backend' })
    .option('overwrite', { type: 'boolean', default: false, describe: 'Train again what is there; without it, only what is missing' })
    .example('deltalab family --only small', 'the four small models and the early one')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  const { writeFamilyData, writeTaskFiles } = await import('../family/index.js')
  const { trainFile } = await import('./train.js')
  writeFamilyData(join(ROOT, '.scratch/family'), DATA)
  writeTaskFiles(join(ROOT, 'checkpoints/tasks'))
  for (const size of args.only ? [args.only] : (['small', 'large'] as const)) {
    for (const name of SIZES[size]) {
      if (!args.overwrite && existsSync(join(ROOT, 'checkpoints', size, name))) continue
      await trainFile(join(ROOT, `configs/family/${size}-${name}.yaml`), args)
    }
  }
}
