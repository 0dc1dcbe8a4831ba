// `deltalab status`: how far a sweep is, by shard, and how the jobs are that were submitted for it.

import type { Argv } from 'yargs'
import { printResult } from '../messages.js'
import { AS_JSON, place } from '../options.js'
import { describeStatus } from '../status-text.js'

export const command = 'status <results>'

export function builder(cli: Argv) {
  return cli
    .positional('results', place('Results folder of a sweep'))
    .option('json', AS_JSON)
    .example('deltalab status results/mine', 'runs done, failed and missing by shard, time left, jobs of the cluster')
}

export async function handler({ results, json }: { results: string; json: boolean }): Promise<void> {
  const [{ readSubmission, statesOf }, { followResults, readLive }] = await Promise.all([
    import('../../cluster/index.js'),
    import('../../record/index.js'),
  ])
  const submission = readSubmission(results)
  // Before the first shard has started there are only the jobs.
  const live = submission ? followResults(results)() : readLive(results)
  const states = submission && (await statesOf(submission))
  printResult(
    json,
    { ...live, submission, states },
    describeStatus(results, live, submission && { ...submission, states }),
  )
}
