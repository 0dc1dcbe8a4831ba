// Flags of the commands that list what plugins may add to: editors, mergers, tasks.
import type { Argv } from 'yargs'
import { AS_JSON } from './options.js'
import { PLUGIN } from './plugins.js'

export interface ListFlags {
  name?: string
  plugin: string[]
  json: boolean
}

export const addListFlags = (cli: Argv, noun: string) =>
  cli
    .positional('name', { type: 'string', describe: `Show this ${noun} alone` })
    .option('plugin', PLUGIN)
    .option('json', AS_JSON)
