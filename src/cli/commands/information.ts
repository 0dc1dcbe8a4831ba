// `deltalab information`: Fisher diagonals or Gram matrices of a model on a task, the data of the mergers fisher and regmean.

import { resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { print, startBackend, startPhase } from '../messages.js'
import { AS_JSON, BACKEND, checkCounts, MODEL, OUT_FOLDER, OVERWRITE, TASK } from '../options.js'
import { PLUGIN, readRegistry } from '../plugins.js'
import { readTask, TEXT, wordsOfTask } from '../text-options.js'

export const command = 'information <model> [out|o]'

export function builder(cli: Argv) {
  return cli
    .positional('model', MODEL)
    .option('out', { ...OUT_FOLDER, describe: 'Output folder; tensors have the names of the weights' })
    .option('kind', {
      choices: ['fisher', 'gram'] as const,
      demandOption: true,
      describe: 'fisher: squared gradients; gram: products of layer inputs',
    })
    .options({ task: TASK, ...TEXT })
    .option('items', { type: 'number', default: 128, describe: 'Number of last items to measure on' })
    .option('overwrite', OVERWRITE)
    .option('plugin', PLUGIN)
    .option('backend', BACKEND)
    .option('json', AS_JSON)
    .example(
      'deltalab information checkpoints/small/math --kind fisher --task math --out math-fisher',
      'for the key data of a model in a merge file',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ model, out, kind, items, overwrite, json, ...args }: Args): Promise<void> {
  checkCounts({ items })
  const task = await readTask(args.task, args)
  const [{ checkTarget }, { writeInformation }] = await Promise.all([
    import('../../files/index.js'),
    import('../../calibrate/index.js'),
  ])
  await checkTarget(out, resolve(out), overwrite, [model])
  const { tasks } = await readRegistry(args.plugin)
  const backend = await startBackend(args.backend)
  startPhase('measure')
  const { tensors } = await writeInformation(kind, model, out, {
    task,
    tasks,
    items,
    overwrite,
    backend: backend.package,
  })
  const text = `${kind} of ${tensors} tensors on ${items} items of ${await wordsOfTask(task)}\n${out} written\n`
  print(json ? `${JSON.stringify({ out, kind, task: await wordsOfTask(task), items, tensors })}\n` : text)
}
