// `deltalab route`: the gates that a router gives each task in a Twin-Merging, and the merge file of one task.

import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { UserError, unknown } from '../../errors/index.js'
import { readText } from '../../schema/index.js'
import { printResult, startBackend, startPhase } from '../messages.js'
import { AS_JSON, BACKEND, checkCounts, outPlace, place, TASKS } from '../options.js'
import { PLUGIN } from '../plugins.js'

export const command = 'route <config>'

export function builder(cli: Argv) {
  return cli
    .positional('config', place('Merge file (YAML) with merger: twin'))
    .option('task', {
      ...TASKS,
      demandOption: true as const,
      describe: `One task per model, in the order of the file. ${TASKS.describe}`,
    })
    .option('items', {
      type: 'number',
      default: 128,
      describe: 'Number of last items of each task to learn from; the same number of first items checks the router',
    })
    .option('for', { type: 'string', describe: 'The task whose gates are written' })
    .option('out', outPlace('New YAML file for deltalab merge, in the folder of the merge file'))
    .option('plugin', PLUGIN)
    .option('backend', BACKEND)
    .option('json', AS_JSON)
    .example(
      'deltalab route twin.yaml --task math,code --for math --out twin-math.yaml && deltalab merge twin-math.yaml --out twin-math',
      'writes the merged model for math',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({
  config,
  task: tasks,
  items,
  for: wanted,
  out,
  json,
  backend,
  plugin,
}: Args): Promise<void> {
  checkCounts({ items })
  if ((wanted === undefined) !== (out === undefined)) {
    throw new UserError('--for and --out go together: the task whose gates are written, and the file', { exitCode: 2 })
  }
  if (wanted !== undefined && !tasks.includes(wanted)) throw unknown('task of --task', wanted, tasks)
  if (out !== undefined && existsSync(out)) throw new UserError(`${out} exists; choose another name`)
  if (out !== undefined && dirname(resolve(out)) !== dirname(resolve(config))) {
    throw new UserError(`${out} must lie beside ${config}, because folders are found relative to the file`, {
      exitCode: 2,
    })
  }
  const [{ describeGates, findGates, gateFile }, { prepareFolder, writeWhole }] = await Promise.all([
    import('../../calibrate/index.js'),
    import('../../files/index.js'),
  ])
  if (out !== undefined) await prepareFolder(dirname(resolve(out)))
  await startBackend(backend)
  startPhase('learn the router')
  const found = await findGates(config, { tasks, items, plugins: plugin })
  if (out !== undefined) {
    const note = `the means of ${wanted} over its first ${items} items, by a router that learned from the last ${items} of ${tasks.join(', ')}`
    await writeWhole(out, gateFile(readText(config), found, found.gates[tasks.indexOf(wanted!)]!, note))
  }
  const text = `${describeGates(found, { tasks, items })}${out === undefined ? '' : `\n${out} written`}`
  printResult(json, { tasks, ...found }, `${text}\n`)
}
