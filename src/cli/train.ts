// `deltalab train`: a model from a recipe; an interrupted run goes on where it stopped.

import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import type { BackendName } from '../tensor/index.js'
import { startCountdown } from './countdown.js'

export const command = 'train <config>'
export const describe = 'Train a model from a YAML file'

/** Flags that `train` and `family` share. */
export const trainingOptions = (cli: Argv) =>
  cli
    .option('workers', {
      type: 'number',
      default: availableParallelism(),
      describe: 'Threads that share a step; any number gives the same bits',
    })
    .option('backend', {
      choices: ['auto', 'tensorflow', 'webgpu', 'wasm', 'cpu'] as const,
      default: 'auto' as BackendName,
      describe: 'TensorFlow.js backend',
    })
    .option('overwrite', {
      type: 'boolean',
      default: false,
      describe: 'Replace the checkpoint that is there, if deltalab wrote it',
    })

export function builder(cli: Argv) {
  return trainingOptions(cli)
    .positional('config', {
      type: 'string',
      demandOption: true,
      describe: 'Recipe: model or checkpoint, data, steps, rates',
    })
    .example('deltalab train configs/family/small-math.yaml', 'fine-tunes the small miniature on math')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  await trainFile(args.config, args)
}

/** Trains one recipe, with a line of progress every ten seconds. */
export async function trainFile(
  file: string,
  options: { workers: number; backend: BackendName; overwrite: boolean },
): Promise<void> {
  const { trainingSchema } = await import('../config/index.js')
  const { readYaml } = await import('../schema/index.js')
  const { train } = await import('../train/index.js')
  const { value: recipe } = await readYaml(file, trainingSchema)
  const tell = startCountdown()
  const onStep = (step: number, loss: number) => tell(recipe.name, step, recipe.steps, loss)
  const { out, loss } = await train(recipe, { ...options, root: dirname(file), onStep })
  process.stdout.write(`${recipe.name}: ${out} (last loss ${loss.toFixed(4)} nats per token)\n`)
}
