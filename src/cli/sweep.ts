// `deltalab sweep`: runs an experiment, or goes on with it, then prints its table and the paths of what it wrote.
import os from 'node:os'
import { join } from 'node:path'
import type { Argv } from 'yargs'

export const command = 'sweep <config>'
export const describe = 'Run the experiment of a YAML file: one row per run, a table and a figure'

export function builder(cli: Argv) {
  return cli.positional('config', { type: 'string', demandOption: true, describe: 'YAML file of the experiment' })
    .option('out', { type: 'string', describe: 'Results folder; results/<name> unless given' })
    .option('jobs', { type: 'number', describe: 'Worker threads; one per core unless given, one on the tensorflow backend' })
    .option('backend', { choices: ['auto', 'tensorflow', 'wasm', 'cpu'] as const, default: 'auto' as const, describe: 'TensorFlow.js backend' })
    .option('retry-failed', { type: 'boolean', default: false, describe: 'Try failed runs of an earlier start again' })
    .option('json', { type: 'boolean', default: false, describe: 'Print the outcome and the paths as JSON' })
    .example('deltalab sweep configs/quickstart.yaml', 'stopped at any moment, the same command goes on from there')
}

interface Args { config: string; out?: string; jobs?: number; backend: 'auto' | 'tensorflow' | 'wasm' | 'cpu'; retryFailed: boolean; json: boolean }

export async function handler(args: Args): Promise<void> {
  const { UserError } = await import('../errors/index.js')
  if (args.jobs !== undefined && !(Number.isInteger(args.jobs) && args.jobs > 0)) throw new UserError(`--jobs must be a positive integer, got ${args.jobs}`, { exitCode: 2 })
  const { loadExperiment } = await import('../config/index.js')
  const experiment = await loadExperiment(args.config)
  const [{ setBackend }, { sweep }, { showBar }] = await Promise.all([import('../tensor/index.js'), import('../sweep/index.js'), import('./bar.js')])
  const found = await setBackend(args.backend)
  const jobs = args.jobs ?? (found.name === 'tensorflow' ? 1 : os.availableParallelism())
  const folder = args.out ?? join('results', experiment.name)
  const interruption = new AbortController()
  process.once('SIGINT', () => interruption.abort())
  const progress = showBar(experiment.name)
  const outcome = await sweep(experiment, { folder, jobs, backend: { asked: args.backend, found }, retryFailed: args.retryFailed, signal: interruption.signal, onRow: progress.show })
    .finally(progress.stop)
  if (!outcome.finished) {
    process.stderr.write(`deltalab: stopped after ${outcome.done} of ${outcome.planned} runs; the same command goes on from there\n`)
    process.exit(130)
  }
  const { writeReport } = await import('../report/index.js')
  const report = await writeReport(folder)
  const csv = join(folder, 'runs.csv')
  if (args.json) process.stdout.write(`${JSON.stringify({ ...outcome, csv, table: report.markdown, figures: report.figures }, null, 2)}\n`)
  else process.stdout.write(`${report.table.trimEnd()}\n\n${[csv, report.markdown, ...report.figures].join('\n')}\n`)
  if (outcome.failed > 0) process.stderr.write(`deltalab: ${outcome.failed} of ${outcome.planned} runs failed; the column error says why, --retry-failed tries them again\n`)
}
