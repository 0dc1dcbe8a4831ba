// `deltalab sweep`: runs or resumes an experiment, then prints its table and the paths of the files it wrote.

import { join } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { holdText } from '../../files/index.js'
import type { Row } from '../../record/index.js'
import {
  detail,
  note,
  print,
  printText,
  startBackend,
  startPhase,
  terminalColumns,
  warn,
  writeError,
} from '../messages.js'
import { ALLOW_CODE, AS_JSON, BACKEND, checkCounts, IGNORE_UNMATCHED, outPlace, place } from '../options.js'
import { readExperiment, SET } from '../overrides.js'
import { PLUGIN } from '../plugins.js'

export const command = 'sweep <config>'

export function builder(cli: Argv) {
  return cli
    .positional('config', place('YAML file of the experiment, or name of one that ships'))
    .option('plugin', PLUGIN)
    .option('set', SET)
    .option('out', outPlace('Results folder; default results/<name>'))
    .option('jobs', {
      type: 'number',
      describe: 'Worker threads; default one per core, one for large models on the tensorflow backend',
    })
    .option('backend', BACKEND)
    .option('retry-failed', { type: 'boolean', default: false, describe: 'Repeat runs that failed before' })
    .option('prune', {
      type: 'boolean',
      default: false,
      describe: 'Delete the rows that the config does not ask for any more, once the sweep is finished',
    })
    .option('ignore-unmatched', IGNORE_UNMATCHED)
    .option('allow-code-execution', ALLOW_CODE)
    .option('json', AS_JSON)
    .example('deltalab sweep mine.yaml --set seeds=10 --set editors.0.drop_rate=[0.5,0.9]', 'with other values')
    .example('deltalab sweep quickstart', 'safe to interrupt: run it again to resume')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ config, out, json, retryFailed, prune, ...args }: Args): Promise<void> {
  checkCounts({ jobs: args.jobs })
  const experiment = await readExperiment(config, args)
  const { runSweep } = await import('../../sweep/index.js')
  const backend = { asked: args.backend, found: await startBackend(args.backend) }
  const folder = out ?? join('results', experiment.name)
  const kept = holdText()
  const options = {
    folder,
    jobs: args.jobs,
    backend,
    retryFailed,
    prune,
    allowCode: args.allowCodeExecution,
    onRow: (row: Row, progress: { done: number; planned: number; found: boolean }) => {
      kept.set(`${progress.done} of ${progress.planned} runs are done; run the same command again to resume`)
      noteRow(row, progress)
    },
    onNote: note,
  }
  startPhase('run the experiment')
  const { finished: _, ...counts } = await runSweep(experiment, options)
  startPhase('write the report')
  const { writeReport } = await import('../../report/index.js')
  const { table, doubts, markdown, figures } = await writeReport(folder, terminalColumns())
  const csv = join(folder, 'runs.csv')
  if (json) print(`${JSON.stringify({ ...counts, csv, table: markdown, figures }, null, 2)}\n`)
  else printText(`${table.trimEnd()}\n\n${[csv, markdown, ...figures].join('\n')}\n`)
  for (const doubt of doubts) warn(doubt)
  const [first] = counts.warnings
  if (first) {
    writeError(
      `deltalab: ${counts.warnings.length} of ${counts.planned} runs warn (see the column warnings), the first: ${first.label}: ${first.warnings}\n`,
    )
  }
  if (counts.failed > 0) {
    writeError(
      `deltalab: ${counts.failed} of ${counts.planned} runs failed (see the column error); --retry-failed repeats them\n`,
    )
    if (counts.failed === counts.planned) process.exitCode = 1
  }
}

/** A line per run, for --verbose. */
function noteRow(row: Row, { done, planned, found }: { done: number; planned: number; found: boolean }): void {
  const { model, task, label, status, error } = row
  const what = found ? 'found from an earlier start' : `${model} ${task} ${label}`
  detail(`run ${done} of ${planned}: ${what}${status === 'failed' ? ` FAILED: ${error}` : ''}`)
}
