// The jobs of a plan. What several runs share is measured once, in a separate job, and the runs that need it wait for it.
import { type Experiment, postName } from '../config/index.js'
import { type MergerData, pairKey, type Run, requestsOf } from '../plan/index.js'
import type { Reference } from '../run/index.js'
import type { WorkerMessage } from './answer.js'
import type { Job, Outcome } from './pool.js'

/** Results of the shared jobs, by id. */
export type Shared = Map<string, Outcome>

/** First the data for mergers; then, for each model and task, its reference measurements and the runs that wait for them. */
export function listJobs({ data: { items } }: Experiment, runs: readonly Run[], shared: Shared): Job[] {
  const groups = new Map<string, Run[]>()
  for (const run of runs) {
    const name = `reference ${run.pair.name} ${run.task.name}`
    groups.set(name, [...(groups.get(name) ?? []), run])
  }
  const data = new Map(runs.flatMap((run) => requestsOf(run, items)).map((each) => [each.id, each]))
  const first = [...data.values()].map(
    ({ id, pair, request }): Job => ({
      id,
      share: 0,
      affinity: pairKey(pair),
      message: (): WorkerMessage => ({ kind: 'data', pair, request }),
    }),
  )
  const rest = [...groups].flatMap(([name, members]): Job[] => {
    const { pair, task } = members[0]!
    const needsGradient = members.some((run) => run.edit.needsGradient)
    const reference: WorkerMessage = { kind: 'reference', pair, task, needsGradient, runs: members.length }
    return [
      { id: name, share: 0, affinity: pairKey(pair), message: () => reference },
      ...members.map((run): Job => {
        const requests = requestsOf(run, items)
        return {
          id: run.id,
          share: 1,
          affinity: pairKey(pair),
          after: [name, ...requests.map(({ id }) => id)],
          message: (): WorkerMessage => ({
            kind: 'run',
            run,
            reference: resultOf<Reference>(shared, name, 'base and post-trained model'),
            data: requests.map((each) =>
              resultOf<MergerData>(shared, each.id, `what ${run.edit.merge!.merger} needs of ${postName(each.pair)}`),
            ),
          }),
        }
      }),
    ]
  })
  return [...first, ...rest]
}

function resultOf<T>(shared: Shared, id: string, what: string): T {
  const result = shared.get(id)!
  if ('error' in result) throw new Error(`${what} could not be measured: ${result.error}`)
  return result.value as T
}
