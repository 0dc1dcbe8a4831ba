// Options that commands on a pair of checkpoints share: the two models and the choice of tensors.

import type { Argv } from 'yargs'
import { BASE, IGNORE_UNMATCHED, POST } from './options.js'

export function addPairOptions<T>(cli: Argv<T>, verb: string) {
  return cli
    .positional('base', BASE)
    .positional('post', POST)
    .option('include', {
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
      describe: `Tensors to ${verb}: names with *, role:<role>, or linear (the matrices of layers); repeatable; default all`,
    })
    .option('exclude', {
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
      describe: 'Tensors to leave out of the included ones; repeatable',
    })
    .option('ignore-unmatched', IGNORE_UNMATCHED)
}
