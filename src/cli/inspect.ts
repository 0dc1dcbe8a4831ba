// `deltalab inspect`: what a delta looks like, before anything is done to it.
import type { ArgumentsCamelCase, Argv } from 'yargs'
import { startProgress } from './progress.js'

export const command = 'inspect <base> <post>'
export const describe = 'Statistics of the delta between two checkpoints, per tensor and per role'

export function builder(cli: Argv) {
  return cli
    .positional('base', { type: 'string', demandOption: true, describe: 'Folder of the base model (config.json, safetensors)' })
    .positional('post', { type: 'string', demandOption: true, describe: 'Folder of the post-trained model' })
    .option('include', { type: 'string', array: true, nargs: 1, default: [] as string[], describe: 'Tensors to inspect: names with *, role:<role>, or linear' })
    .option('exclude', { type: 'string', array: true, nargs: 1, default: [] as string[], describe: 'Tensors to leave out of these' })
    .option('roles', { type: 'boolean', default: false, describe: 'Only the table of roles' })
    .option('rank-limit', { type: 'number', default: 1024, describe: 'Longest smaller side of a matrix that gets an effective rank; 0 for none' })
    .option('ignore-unmatched', { type: 'boolean', default: false, describe: 'Go on without tensors that do not match' })
    .option('json', { type: 'boolean', describe: 'Print JSON' })
    .option('csv', { type: 'boolean', describe: 'Print CSV: a line per tensor, or per role with --roles' })
    .conflicts('json', 'csv')
    .example('deltalab inspect llama-base llama-instruct', 'a line per tensor, then a line per role')
    .example("deltalab inspect base post --include linear --exclude '*.0.*' --csv > delta.csv", 'the matrices of attention and MLP, without layer 0')
}

type Args = ArgumentsCamelCase<ReturnType<typeof builder> extends Argv<infer T> ? T : never>

export async function handler(args: Args): Promise<void> {
  const { openCheckpoint, pairCheckpoints, selectTensors } = await import('../checkpoint/index.js')
  const { inspectPair, headLine, reportLine, toCsv } = await import('../inspect/index.js')
  const [base, post] = [await openCheckpoint(args.base), await openCheckpoint(args.post)]
  const pair = await pairCheckpoints(base, post, { ignoreUnmatched: args.ignoreUnmatched })
  const names = selectTensors(pair.names.map((name) => post.tensors.get(name)!), args)
  const print = (line: string): boolean => process.stdout.write(`${line}\n`)
  const text = !args.json && !args.csv
  const width = 2 + Math.max(9, ...(args.roles ? [] : names.map((name) => name.length)))

  const bytes = (name: string): number => post.tensors.get(name)!.end - post.tensors.get(name)!.begin
  const bar = startProgress(names.reduce((sum, name) => sum + bytes(name), 0), text && !args.roles)
  if (text && !args.roles) print(headLine('tensor', width))
  const tensors = []
  const reports = inspectPair(pair, { names, rankLimit: args.rankLimit })
  let next = await reports.next()
  for (; !next.done; next = await reports.next()) {
    tensors.push(next.value)
    bar.advance(bytes(next.value.name), next.value.name)
    if (text && !args.roles) print(reportLine(next.value.name, next.value, width))
  }
  bar.stop()
  const { unmatched, dtypes } = pair
  const tied = Object.fromEntries(pair.tied)
  if (args.json) print(JSON.stringify({ base: args.base, post: args.post, tensors, roles: next.value, tied, unmatched, dtypes }, null, 2))
  else if (args.csv) process.stdout.write(toCsv(args.roles ? next.value : tensors))
  else {
    print((args.roles ? '' : '\n') + headLine('role', width))
    for (const group of next.value) print(reportLine(group.role, group, width))
    for (const [copy, source] of pair.tied) print(`\n${copy} is a copy of ${source} (tied) and counted once.`)
    if (dtypes.length) print(`\n${dtypes.length} tensors are stored in other formats, e.g. ${dtypes[0].name}: ${dtypes[0].base} in base, ${dtypes[0].post} in post.`)
    if (unmatched.length) print(`\n${unmatched.length} tensors do not match and were left out: ${unmatched.join(', ')}`)
  }
  await Promise.all([base.close(), post.close()])
}
