// `deltalab models`: the architectures that can be evaluated and trained, and the checkpoints that are included.

import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { print } from '../messages.js'
import { AS_JSON } from '../options.js'

export const command = 'models [name]'

export function builder(cli: Argv) {
  return cli
    .positional('name', { type: 'string', describe: 'Show this architecture alone (model_type)' })
    .option('json', AS_JSON)
    .example('deltalab models', 'known values of model_type in config.json, and the folders of the miniature models')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  const [
    { architectures: all, findArchitecture },
    { openCheckpoint },
    { countEntries },
    { countText },
    { packageRoot },
  ] = await Promise.all([
    import('../../models/index.js'),
    import('../../checkpoint/index.js'),
    import('../../kernels/index.js'),
    import('../../inspect/index.js'),
    import('../../files/index.js'),
  ])
  const architectures = args.name === undefined ? all : [findArchitecture(args.name)]
  const found = await readdir(join(packageRoot, 'checkpoints'), { recursive: true, withFileTypes: true }).catch(
    () => [],
  )
  const weights = found.filter((entry) => /^model\.safetensors(\.index\.json)?$/.test(entry.name))
  const folders = [...new Set(weights.map((entry) => entry.parentPath))].sort()
  const checkpoints = []
  for (const folder of folders) {
    const { config, tensors, close } = await openCheckpoint(folder)
    const parameters = [...tensors.values()].reduce((sum, { shape }) => sum + countEntries(shape), 0)
    const type = String(config?.model_type ?? '')
    if (args.name === undefined || args.name === type)
      checkpoints.push({ folder: relative(packageRoot, folder), model_type: type, parameters })
    await close()
  }
  if (args.json) {
    const list = architectures.map(({ name, classes, cite }) => ({ name, model_types: [name], classes, cite }))
    print(`${JSON.stringify({ architectures: list, checkpoints }, null, 2)}\n`)
    return
  }
  const below = ' '.repeat(20)
  for (const { name, classes, cite } of architectures)
    print(`${name.padEnd(below.length)}${classes.join(', ')}\n${below}${cite}\n`)
  const width = Math.max(0, ...checkpoints.map(({ folder }) => folder.length)) + 2
  print(
    checkpoints.length
      ? `\nCheckpoints that ship in ${packageRoot}; these names work in every folder, unless the folder has its own:\n`
      : '',
  )
  for (const { folder, model_type: type, parameters } of checkpoints) {
    print(`${folder.padEnd(width)}${type.padEnd(10)}${countText(parameters).padStart(6)} parameters\n`)
  }
}
