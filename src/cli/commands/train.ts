// `deltalab train`: a model from a recipe; an interrupted run is resumed by the same command.
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { outPlace, place } from '../options.js'
import { trainFile, trainingOptions } from '../training.js'

export const command = 'train <config>'

export function builder(cli: Argv) {
  return trainingOptions(cli)
    .positional(
      'config',
      place('Recipe (YAML): model or checkpoint, data, steps, rates; or the name of one that ships'),
    )
    .option('out', outPlace("Checkpoint folder to write; default the recipe's out"))
    .example(
      'deltalab train recipe.yaml --out tuned',
      'fine-tunes or pre-trains as the recipe says; safe to interrupt: run it again to resume',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  await trainFile(args.config, args)
}
