// `deltalab tasks`: the tasks that ship with the package, and how answers are scored.
import type { Argv } from 'yargs'

export const command = 'tasks'
export const describe = 'List the tasks with their metrics'

export function builder(cli: Argv) {
  return cli.option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
    .example('deltalab tasks', 'lists the names that --task and the YAML files know')
    .epilogue('A task may also be the path of a card (.yaml) or of a JSONL file with a prompt and a target per line.')
}

export async function handler(args: { json: boolean }): Promise<void> {
  const { listTasks, METRICS } = await import('../tasks/index.js')
  const tasks = (await listTasks()).map(({ items, ...task }) => ({ ...task, n: items.length }))
  const metrics = Object.values(METRICS).map(({ name, description }) => ({ name, description }))
  if (args.json) {
    process.stdout.write(`${JSON.stringify({ tasks, metrics }, null, 2)}\n`)
    return
  }
  const row = (name: string, version: string, metric: string, n: string, description: string) =>
    process.stdout.write(`${name.padEnd(10)} ${version.padEnd(8)} ${metric.padEnd(13)} ${n.padStart(5)}  ${description}\n`)
  row('task', 'version', 'metric', 'items', 'description')
  for (const { name, version, metric, n, description } of tasks) row(name, String(version), metric, String(n), description)
  process.stdout.write('\nmetrics\n')
  for (const { name, description } of metrics) process.stdout.write(`${name.padEnd(13)} ${description}\n`)
}
