// `deltalab inspect`: statistics of a delta.

import type { ArgumentsCamelCase, Argv } from 'yargs'
import type { Checkpoint } from '../../checkpoint/index.js'
import { UserError } from '../../errors/index.js'
import type { TensorReport } from '../../inspect/index.js'
import { tally } from '../../progress/index.js'
import { beginEarly } from '../early-threads.js'
import { print, startPhase, warn } from '../messages.js'
import { noteModels, noteSkipped } from '../model-notes.js'
import { readStream, STREAM } from '../options.js'
import { addPairOptions } from '../pair-options.js'

export const command = 'inspect <base> <post>'

export function builder(cli: Argv) {
  return addPairOptions(cli, 'inspect')
    .option('roles', { type: 'boolean', default: false, describe: 'Print only the table of roles' })
    .option('rank-limit', {
      type: 'number',
      default: 1024,
      describe: 'Skip the effective rank of matrices whose smaller side is longer than this',
    })
    .options(STREAM)
    .option('json', { type: 'boolean', describe: 'Print the result as JSON' })
    .option('csv', { type: 'boolean', describe: 'Print CSV: one line per tensor, or per role with --roles' })
    .conflicts('json', 'csv')
    .example('deltalab inspect llama-base llama-instruct', 'one line per tensor, then one per role')
    .example(
      "deltalab inspect base post --include linear --exclude '*.0.*' --csv > delta.csv",
      'attention and MLP without layer 0',
    )
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  if (!(args.rankLimit >= 0))
    throw new UserError(`--rank-limit must be a number of at least 0; got ${args.rankLimit}`, { exitCode: 2 })
  const stream = readStream(args)
  beginEarly([args.base, args.post], stream)
  const { openModels } = await import('../../sources/index.js')
  startPhase('read the headers')
  const models = noteModels(await openModels(args.base, args.post), false)
  try {
    await printReports(models, args, stream)
  } finally {
    await Promise.all(models.map((model) => model.close()))
  }
}

async function printReports(
  [base, post]: readonly [Checkpoint, Checkpoint],
  args: Args,
  stream: ReturnType<typeof readStream>,
): Promise<void> {
  const { pairCheckpoints, selectTensors } = await import('../../checkpoint/index.js')
  const { inspectPair, headLine, LEGEND, notesOn, reportLine, toCsv } = await import('../../inspect/index.js')
  const pair = await pairCheckpoints(base, post, { ignoreUnmatched: args.ignoreUnmatched })
  const names = selectTensors(
    pair.names.map((name) => post.tensors.get(name)!),
    args,
  )
  noteSkipped(
    pair.names.map((name) => post.tensors.get(name)!),
    args,
  )
  const line = (words: string): void => print(`${words}\n`)
  const text = !args.json && !args.csv
  const width = 2 + Math.max(9, ...(args.roles ? [] : names.map((name) => name.length)))

  const bytes = (name: string): number => post.tensors.get(name)!.end - post.tensors.get(name)!.begin
  startPhase('inspect the tensors')
  const tensors: TensorReport[] = []
  const rankLimit = args.roles && !args.json ? 0 : args.rankLimit
  const reports = inspectPair(pair, { names, rankLimit, ...stream })
  const total = names.reduce((sum, name) => sum + bytes(name), 0)
  const roles = await tally({ name: 'inspect', unit: 'bytes', total }, async ({ add }) => {
    for (;;) {
      const next = await reports.next()
      if (next.done) return next.value
      const { name } = next.value
      tensors.push(next.value)
      add(bytes(name), name)
      if (!text || args.roles) continue
      if (tensors.length === 1) line(headLine('tensor', width))
      line(reportLine(name, next.value, width))
    }
  })
  if (args.json) {
    const { unmatched, dtypes, tied } = pair
    const { base, post } = args
    line(JSON.stringify({ base, post, tensors, roles, tied: Object.fromEntries(tied), unmatched, dtypes }, null, 2))
  } else if (args.csv) print(toCsv(args.roles ? roles : tensors))
  else {
    line((args.roles ? '' : '\n') + headLine('role', width))
    for (const group of roles) line(reportLine(group.role, group, width))
    line(`\n${LEGEND.join('\n')}`)
    for (const each of notesOn(pair)) line(`\n${each}`)
    if (roles.at(-1)?.delta_norm === 0) warn('base and post are equal in these tensors')
  }
}
