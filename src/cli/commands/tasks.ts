// `deltalab tasks`: the included tasks, and how answers are scored.

import type { Argv } from 'yargs'
import { print } from '../messages.js'
import { AS_JSON } from '../options.js'
import { PLUGIN, readRegistry } from '../plugins.js'

export const command = 'tasks'

export function builder(cli: Argv) {
  return cli
    .option('plugin', PLUGIN)
    .option('json', AS_JSON)
    .example('deltalab tasks', 'names for --task and YAML files')
    .epilogue(
      'A task may also be the path of a card (.yaml) or of a JSONL file with a prompt and a target per line. name:5 puts five examples before each prompt. Data on the hub is downloaded when the task is first used.',
    )
}

export async function handler(args: { plugin: string[]; json: boolean }): Promise<void> {
  const { listTasks, listMetrics } = await import('../../tasks/index.js')
  const [tasks, metrics] = [await listTasks({ tasks: (await readRegistry(args.plugin)).tasks }), listMetrics()]
  if (args.json) {
    print(`${JSON.stringify({ tasks, metrics }, null, 2)}\n`)
    return
  }
  const row = (...[name, version, metric, n, description]: string[]) =>
    print(`${name!.padEnd(20)} ${version!.padEnd(8)} ${metric!.padEnd(23)} ${n!.padStart(5)}  ${description}\n`)
  row('task', 'version', 'metric', 'items', 'description')
  for (const { name, version, metric, n, description } of tasks)
    row(name, String(version), metric, n === null ? 'hub' : String(n), description)
  print('\nmetrics\n')
  for (const { name, description } of metrics) print(`${name.padEnd(23)} ${description}\n`)
}
