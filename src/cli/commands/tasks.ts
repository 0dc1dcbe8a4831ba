// `deltalab tasks`: the included tasks, and how answers are scored.

import type { Argv } from 'yargs'
import { findNamed } from '../../errors/index.js'
import { addListFlags, type ListFlags } from '../list-flags.js'
import { print } from '../messages.js'
import { readRegistry } from '../plugins.js'

export const command = 'tasks [name]'

export function builder(cli: Argv) {
  return addListFlags(cli, 'task')
    .example('deltalab tasks', 'names for --task and YAML files')
    .epilogue(
      'A task may also be the path of a card (.yaml) or of a JSONL file with a prompt and a target per line. name:5 puts five examples before each prompt. Data on the hub is downloaded when the task is first used. Without a task, --text takes a file of text.',
    )
}

export async function handler(args: ListFlags): Promise<void> {
  const { listTasks, listMetrics } = await import('../../tasks/index.js')
  const all = await listTasks({ tasks: (await readRegistry(args.plugin)).tasks })
  const tasks = args.name === undefined ? all : [findNamed('task', args.name, all)]
  const metrics = listMetrics().filter(({ name }) => args.name === undefined || name === tasks[0]!.metric)
  if (args.json) {
    print(`${JSON.stringify({ tasks, metrics }, null, 2)}\n`)
    return
  }
  if (args.name !== undefined) {
    const { name, version, kind, metric, data, n, description } = tasks[0]!
    const facts = { task: name, version, about: description, kind, metric, data, items: n ?? 'on the hub' }
    for (const [fact, value] of Object.entries(facts)) print(`${fact.padEnd(8)} ${value}\n`)
    for (const { name: scored, description: how } of metrics) print(`\n${scored}: ${how}\n`)
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
