// What the commands that run an experiment share: their options, and what they say of its runs.
import { UserError } from '../errors/index.js'
import { MOST_SHARDS, type Row, type Shard } from '../record/index.js'
import { expandPath } from '../schema/index.js'
import type { SweepOutcome } from '../sweep/index.js'
import { detail, writeError } from './messages.js'
import { ALLOW_CODE, BACKEND, IGNORE_UNMATCHED, outPlace } from './options.js'
import { SET } from './overrides.js'
import { PLUGIN } from './plugins.js'

/** Options of a sweep that a submitted one has, too. */
export const SWEEP = {
  plugin: PLUGIN,
  set: SET,
  out: outPlace('Results folder; default results/<name>'),
  jobs: {
    type: 'number' as const,
    describe: 'Worker threads; default one per core, one for large models on the tensorflow backend',
  },
  backend: BACKEND,
  'log-to': {
    type: 'string' as const,
    describe: 'Folder to which each run is also written for TensorBoard',
    coerce: expandPath,
  },
  'retry-failed': { type: 'boolean' as const, default: false, describe: 'Repeat runs that failed before' },
  'ignore-unmatched': IGNORE_UNMATCHED,
  'allow-code-execution': ALLOW_CODE,
}

export const SHARD = {
  type: 'string' as const,
  describe: 'Run only one share of the runs, such as 3/16, into a folder of its own in the results folder',
  coerce: readShard,
}

/** `3/16`. @throws UserError (usage) */
function readShard(text: string): Shard {
  const [, index, count] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number)
  if (index === undefined || count === undefined || index < 1 || index > count || count > MOST_SHARDS)
    throw new UserError(
      `--shard is a number and how many there are (at most ${MOST_SHARDS}), 1/16 to 16/16 for example; got ${text}`,
      {
        exitCode: 2,
      },
    )
  return { index, count }
}

/** Says which runs warn and fail. The exit code is 3 where some failed: what could be done is done, and its rows are there. */
export function tellTrouble({ warnings, planned, failed }: Omit<SweepOutcome, 'finished'>): void {
  const [first] = warnings
  if (first)
    writeError(
      `deltalab: ${warnings.length} of ${planned} runs warn (see the column warnings), the first: ${first.label}: ${first.warnings}\n`,
    )
  if (failed === 0) return
  writeError(`deltalab: ${failed} of ${planned} runs failed (see the column error); --retry-failed repeats them\n`)
  process.exitCode = 3
}

/** A line per run, for --verbose. */
export function noteRow(row: Row, { done, planned, found }: { done: number; planned: number; found: boolean }): void {
  const { model, task, label, status, error } = row
  const what = found ? 'found from an earlier start' : `${model} ${task} ${label}`
  detail(`run ${done} of ${planned}: ${what}${status === 'failed' ? ` FAILED: ${error}` : ''}`)
}
