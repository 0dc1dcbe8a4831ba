// Training from the command line. Shared by `train` and by family/main.ts.

import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import type { Argv } from 'yargs'
import type { BackendName } from '../tensor/index.js'
import { print, startPhase } from './messages.js'
import { BACKEND, OVERWRITE } from './options.js'

export const trainingOptions = (cli: Argv) =>
  cli
    .option('workers', {
      type: 'number',
      default: availableParallelism(),
      describe: 'Worker threads; any number gives the same bytes',
    })
    .option('backend', BACKEND)
    .option('overwrite', OVERWRITE)

/** Trains one recipe. */
export async function trainFile(
  given: string,
  options: {
    workers: number
    backend: BackendName
    overwrite: boolean
    out?: string | undefined
    /** In place of the recipe's. */
    seed?: number | undefined
  },
): Promise<void> {
  const { findRecipe, trainingSchema } = await import('../config/index.js')
  const { readYaml } = await import('../yaml/index.js')
  const { train } = await import('../train/index.js')
  const file = findRecipe(given)
  const { value } = readYaml(file, trainingSchema)
  const { out: place, seed = value.seed } = options
  const recipe = { ...value, seed, ...(place !== undefined && { out: resolve(place) }) }
  startPhase(`train ${recipe.name}`)
  const { out, loss } = await train(recipe, { ...options, root: dirname(file) })
  print(`${recipe.name}: ${out} (last loss ${loss.toFixed(4)} nats per token)\n`)
}
