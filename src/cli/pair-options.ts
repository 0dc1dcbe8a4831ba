// Options that commands on a pair of checkpoints share: the two models and the choice of tensors.
import type { Argv } from 'yargs'

export function withPair<T>(cli: Argv<T>, verb: string) {
  return cli
    .positional('base', {
      type: 'string',
      demandOption: true,
      describe: 'Base model: folder (config.json, safetensors), or org/name[@revision] of the hub',
    })
    .positional('post', {
      type: 'string',
      demandOption: true,
      describe: 'Post-trained model: folder, LoRA adapter of the base, or org/name[@revision]',
    })
    .option('include', {
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
      describe: `Tensors to ${verb}: names with *, role:<role>, or linear (the matrices of layers); repeatable; all when left out`,
    })
    .option('exclude', {
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
      describe: 'Tensors to leave out of these',
    })
    .option('ignore-unmatched', {
      type: 'boolean',
      default: false,
      describe: 'Go on without tensors that do not match',
    })
}
