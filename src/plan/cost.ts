// What a plan will cost, from headers and task sizes: tokens and floating-point operations, no weights.
import type { Experiment } from '../config/index.js'
import { encodeItems } from '../evaluate/index.js'
import { sliceTask, type Task } from '../tasks/index.js'
import type { ModelInputs } from './inputs.js'
import { requestsOf } from './needs.js'
import { pairKey, type Run } from './plan.js'
import { validationRange } from './validation.js'

export interface Cost {
  runs: number
  /** Tokens passed forward, padding included: every pass over every batch. */
  tokens: number
  /** 2 per parameter and token forward, 4 more backward; a Hessian-vector product counts as three gradients. */
  flops: number
  /** Bytes of weights that one worker reads when they stay in memory: base and post of every pair once. */
  bytes: number
}

/** Gradient evaluations of a rule with `steps` intervals (Gauss: nodes). */
export function gradientCount(rule: string, steps: number): number {
  if (rule === 'trapezoid') return steps + 1
  if (rule === 'simpson') return (steps % 2 ? 2 * steps : steps) + 1
  return steps
}

/** Cost of all runs, of the reference measurements, and of what mergers are given. Generation is counted as one pass over prompt and target. */
export async function estimateCost(
  experiment: Experiment,
  inputs: readonly ModelInputs[],
  runs: readonly Run[],
): Promise<Cost> {
  const { loss, score } = experiment
  const cost: Cost = {
    runs: runs.length,
    tokens: 0,
    flops: 0,
    bytes: inputs.reduce((sum, { bytes }) => sum + bytes, 0),
  }
  const requests = new Map(runs.flatMap((run) => requestsOf(run, experiment.data.items)).map((each) => [each.id, each]))
  for (const { pair, parameters, sequence, reach, tokenizer, tasks } of inputs) {
    // Images have one length; what has no reference answer is as long as its prompt.
    const countTokens = async (task: Task) =>
      sequence === undefined
        ? (await encodeItems(withTargets(task), tokenizer, reach)).reduce(
            (sum, { rows, columns }) => sum + rows * columns,
            0,
          )
        : task.items.length * sequence
    for (const { request } of [...requests.values()].filter((each) => pairKey(each.pair) === pairKey(pair))) {
      const last = tasks.map(({ task }) => sliceTask(task, -request.items))
      const tokens = (await Promise.all(last.map(countTokens))).reduce((sum, count) => sum + count, 0)
      cost.tokens += tokens
      cost.flops += parameters * (request.kind === 'fisher' ? 6 : 2) * tokens
    }
    for (const { task } of tasks) {
      const count = runs.filter((run) => run.pair.name === pair.name && run.task.name === task.name).length
      if (count === 0) continue
      const tokensOf = (items: number) => countTokens(sliceTask(task, 0, items))
      const lossTokens = loss ? await tokensOf(loss.items) : 0
      const scoreTokens = score ? await tokensOf(score.items) : 0
      const range = validationRange(experiment)
      const validationTokens = range ? await countTokens(sliceTask(task, ...range)) : 0
      const gradients = loss && loss.riemann ? gradientCount(loss.rule, loss.steps) : 0
      const passes = gradients + (loss && loss.taylor2 ? 3 : 0)
      const forward = (count + 2) * (lossTokens + scoreTokens) + count * validationTokens
      const backward = count * passes * lossTokens
      cost.tokens += forward + backward
      cost.flops += parameters * (2 * forward + 6 * backward)
    }
  }
  return cost
}

const withTargets = (task: Task): Task =>
  task.kind === 'generate'
    ? { ...task, items: task.items.map((item) => (item.target ? item : { ...item, target: ' ' })) }
    : task
