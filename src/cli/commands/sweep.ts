// `deltalab sweep`: runs an experiment, or goes on with it, then prints its table and the paths of what it wrote.

import os from 'node:os'
import { join } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { note, print, startBackend, startPhase, writeError } from '../messages.js'
import { ALLOW_CODE, BACKEND, checkCounts, PLAIN } from '../options.js'

export const command = 'sweep <config>'

export function builder(cli: Argv) {
  return cli
    .positional('config', { type: 'string', demandOption: true, describe: 'YAML file of the experiment' })
    .option('out', { type: 'string', describe: 'Results folder; results/<name> unless given' })
    .option('jobs', {
      type: 'number',
      describe: 'Worker threads; one per core unless given, one on the tensorflow backend',
    })
    .option('backend', BACKEND)
    .option('retry-failed', { type: 'boolean', default: false, describe: 'Try failed runs of an earlier start again' })
    .option('allow-code-execution', ALLOW_CODE)
    .option('json', PLAIN)
    .example('deltalab sweep configs/quickstart.yaml', 'stopped at any moment, the same command goes on from there')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ config, out, json, retryFailed, ...args }: Args): Promise<void> {
  checkCounts({ jobs: args.jobs })
  const { loadExperiment } = await import('../../config/index.js')
  const experiment = await loadExperiment(config)
  const [{ sweep }, { showBar }] = await Promise.all([import('../../sweep/index.js'), import('../run-progress.js')])
  const backend = { asked: args.backend, found: await startBackend(args.backend) }
  const jobs = args.jobs ?? (backend.found.name === 'tensorflow' ? 1 : os.availableParallelism())
  const folder = out ?? join('results', experiment.name)
  const interruption = new AbortController()
  process.once('SIGINT', () => interruption.abort())
  const bar = showBar(experiment.name)
  const options = {
    folder,
    jobs,
    backend,
    retryFailed,
    allowCode: args.allowCodeExecution,
    signal: interruption.signal,
    onRow: bar.show,
    onNote: note,
  }
  startPhase('run the experiment')
  const { finished, ...counts } = await sweep(experiment, options).finally(bar.stop)
  if (!finished) {
    writeError(
      `deltalab: stopped after ${counts.done} of ${counts.planned} runs; the same command goes on from there\n`,
    )
    process.exit(130)
  }
  startPhase('write the report')
  const { writeReport } = await import('../../report/index.js')
  const { table, markdown, figures } = await writeReport(folder)
  const csv = join(folder, 'runs.csv')
  if (json) print(`${JSON.stringify({ ...counts, csv, table: markdown, figures }, null, 2)}\n`)
  else print(`${table.trimEnd()}\n\n${[csv, markdown, ...figures].join('\n')}\n`)
  const [first] = counts.warnings
  if (first) {
    writeError(
      `deltalab: ${counts.warnings.length} of ${counts.planned} runs warn (see the column warnings), the first: ${first.label}: ${first.warnings}\n`,
    )
  }
  if (counts.failed > 0) {
    writeError(
      `deltalab: ${counts.failed} of ${counts.planned} runs failed (see the column error); --retry-failed tries them again\n`,
    )
    if (counts.failed === counts.planned) process.exitCode = 1
  }
}
