// `deltalab soup`: the greedy soup of fine-tunes, chosen on held-out items of a task, as the merge file that makes it.

import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { UserError } from '../../errors/index.js'
import { printResult, startBackend, startPhase } from '../messages.js'
import { AS_JSON, BACKEND, checkCounts, outPlace, TASK } from '../options.js'
import { PLUGIN, readRegistry } from '../plugins.js'
import { readTask, TEXT, wordsOfTask } from '../text-options.js'

export const command = 'soup <models..>'

export function builder(cli: Argv) {
  return cli
    .positional('models', {
      type: 'string',
      array: true,
      demandOption: true,
      describe: 'Fine-tunes of one base: folders, adapters, or org/name[@revision] on the hub',
    })
    .options({ task: TASK, ...TEXT })
    .option('items', {
      type: 'number',
      default: 128,
      describe: 'Number of last items to choose on; the same number of first items checks the soup',
    })
    .option('by', {
      choices: ['score', 'loss'] as const,
      default: 'score' as const,
      describe: 'What a model must improve to be added',
    })
    .option('out', outPlace('New YAML file for deltalab merge'))
    .option('plugin', PLUGIN)
    .option('backend', BACKEND)
    .option('json', AS_JSON)
    .example(
      'deltalab soup a b c --task math --out soup.yaml && deltalab merge soup.yaml --out soup',
      'chooses among three fine-tunes, then merges',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ models, items, by, out, json, backend, plugin, ...args }: Args): Promise<void> {
  const task = await readTask(args.task, args)
  checkCounts({ items })
  const [{ describeSoup, findSoup, soupFile }, { prepareFolder, writeWhole }] = await Promise.all([
    import('../../calibrate/index.js'),
    import('../../files/index.js'),
  ])
  if (out && existsSync(out)) throw new UserError(`${out} exists; choose another name`)
  if (out) await prepareFolder(dirname(resolve(out)))
  const { tasks } = await readRegistry(plugin)
  await startBackend(backend)
  startPhase('choose the models')
  const folders = models as string[]
  const found = await findSoup(folders, { task, tasks, items, by })
  if (out)
    await writeWhole(
      out,
      soupFile(folders, found, `chosen by ${by} on the last ${items} items of ${await wordsOfTask(task)}`),
    )
  const text = `${describeSoup(folders, found, { task: await wordsOfTask(task), items, by })}${out ? `\n${out} written` : ''}`
  printResult(json, { models: folders, ...found }, `${text}\n`)
}
