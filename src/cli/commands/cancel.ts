// `deltalab cancel`: ends the jobs that were submitted for a results folder.

import type { Argv } from 'yargs'
import { UserError } from '../../errors/index.js'
import { printText } from '../messages.js'
import { place } from '../options.js'

export const command = 'cancel <results>'

export function builder(cli: Argv) {
  return cli
    .positional('results', place('Results folder of a sweep that was submitted'))
    .example('deltalab cancel results/mine', 'rows that are finished stay')
}

export async function handler({ results }: { results: string }): Promise<void> {
  const { cancelJobs, nameJobs, readSubmission, statesOf } = await import('../../cluster/index.js')
  const submission = readSubmission(results)
  if (!submission)
    throw new UserError(`${results} has no jobs: nothing was submitted for it, or deltalab submit had another --out`)
  const named = nameJobs(submission)
  const states = await statesOf(submission)
  if (states && !states.some(({ active }) => active))
    return printText(`${named} had ended already; rows that are finished stay\n`)
  await cancelJobs(submission)
  printText(
    `${named} will end; rows that are finished stay: deltalab submit again does what is missing, deltalab sweep collects what there is\n`,
  )
}
