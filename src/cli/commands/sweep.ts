// `deltalab sweep`: runs or resumes an experiment, then prints its table and the paths of the files it wrote.

import { join } from 'node:path'
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { holdText } from '../../files/index.js'
import type { Row } from '../../record/index.js'
import { note, print, printResult, printText, startBackend, startPhase, terminalColumns, warn } from '../messages.js'
import { AS_JSON, CORES, checkCounts, place } from '../options.js'
import { readExperiment } from '../overrides.js'
import { noteRow, SHARD, SWEEP, tellTrouble } from '../sweep-flags.js'

export const command = 'sweep <config>'

export function builder(cli: Argv) {
  return cli
    .positional('config', place('YAML file of the experiment, or name of one that ships'))
    .options(SWEEP)
    .option('cores', CORES)
    .option('shard', SHARD)
    .option('prune', {
      type: 'boolean',
      default: false,
      describe: 'Delete the rows that the config no longer asks for, once the sweep is finished',
    })
    .option('json', AS_JSON)
    .example('deltalab sweep mine.yaml --set seeds=10 --set editors.0.drop_rate=[0.5,0.9]', 'with other values')
    .example(
      'deltalab sweep mine.yaml --shard 3/16',
      'one of 16 shares, for a cluster; without it the sweep collects them',
    )
    .example('deltalab sweep mine.yaml --log-to runs', 'beside it: tensorboard --logdir runs')
    .example('deltalab sweep quickstart', 'safe to interrupt: run it again to resume')
    .epilogue('Exit code 0: every run has succeeded; 3: every run has its row, and some failed (column error).')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler({ config, out, json, retryFailed, prune, shard, logTo, ...args }: Args): Promise<void> {
  checkCounts({ jobs: args.jobs, cores: args.cores })
  const experiment = await readExperiment(config, args)
  const { runSweep } = await import('../../sweep/index.js')
  const backend = { asked: args.backend, found: await startBackend(args.backend) }
  const folder = out ?? join('results', experiment.name)
  const kept = holdText()
  const log = logTo === undefined ? undefined : await (await import('../../tensorboard/index.js')).openRunLog(logTo)
  const options = {
    folder,
    shard,
    jobs: args.jobs,
    cores: args.cores,
    backend,
    retryFailed,
    prune,
    allowCode: args.allowCodeExecution,
    onRow: (row: Row, progress: { done: number; planned: number; found: boolean }) => {
      kept.set(`${progress.done} of ${progress.planned} runs are done; run the same command again to resume`)
      noteRow(row, progress)
      log?.add(row, Date.now() / 1000)
    },
    onNote: note,
  }
  startPhase('run the experiment')
  const { finished: _, ...counts } = await runSweep(experiment, options)
  await log?.close()
  if (shard) {
    const name = (await import('../../record/index.js')).nameShard(shard)
    const text = counts.planned
      ? `shard ${name}: ${counts.done} of ${counts.planned} runs have their row; the same command without --shard collects all shards`
      : `shard ${name}: no run is missing`
    printResult(json, { shard: name, ...counts }, `${text}\n`)
    return tellTrouble(counts)
  }
  startPhase('write the report')
  const { writeReport } = await import('../../report/index.js')
  const { table, doubts, markdown, figures } = await writeReport(folder, terminalColumns())
  const csv = join(folder, 'runs.csv')
  if (json) print(`${JSON.stringify({ ...counts, csv, table: markdown, figures }, null, 2)}\n`)
  else printText(`${table.trimEnd()}\n\n${[csv, markdown, ...figures].join('\n')}\n`)
  for (const doubt of doubts) warn(doubt)
  tellTrouble(counts)
}
