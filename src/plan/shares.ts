// The runs of a plan divided into shares, for machines that do not talk to each other: each finds its own share by itself.
import { pairKey, type Run } from './plan.js'

/**
 * Divides runs into shares of about equal cost. A share is a stretch of one sequence: model by model and task by task as in the plan,
 * the runs of each in the order of their ids. So a share has few models, edits of all kinds, and at most one run more than is fair.
 * It depends on the runs and their costs alone.
 *
 * @param runs of a plan, all of them: also those that are done
 * @param costOf estimated cost of a run, in any unit, at least 0
 * @param count number of shares
 * @returns every run in exactly one share, in the order of the plan; shares are empty where there are more of them than runs
 */
export function divideRuns(runs: readonly Run[], costOf: (run: Run) => number, count: number): Run[][] {
  const groups = new Map<string, Run[]>()
  for (const run of runs) {
    const key = `${pairKey(run.pair)} on ${run.task.name}`
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  const sequence = [...groups.values()].flatMap((group) => group.toSorted((a, b) => (a.id < b.id ? -1 : 1)))
  // Runs that cost nothing are not all in one share.
  const costs = sequence.map((run) => 1 + costOf(run))
  const total = costs.reduce((sum, cost) => sum + cost, 0)
  const shareOf = new Map<string, number>()
  let before = 0
  for (const [i, { id }] of sequence.entries()) {
    const middle = before + costs[i]! / 2
    shareOf.set(id, Math.min(count - 1, Math.floor((count * middle) / total)))
    before += costs[i]!
  }
  const shares = Array.from({ length: count }, (): Run[] => [])
  for (const run of runs) shares[shareOf.get(run.id)!]!.push(run)
  return shares
}
