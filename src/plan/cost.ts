// Estimate of what a plan costs in tokens and floating-point operations, from headers and task sizes. No weights are read.
import type { Experiment } from '../config/index.js'
import { encodeItems, imagesFor, imagesPerBatch } from '../evaluate/index.js'
import { gradientNodes, reusesGradient } from '../loss/index.js'
import { sliceTask, type Task } from '../tasks/index.js'
import type { ModelInputs } from './inputs.js'
import { GRADIENT_ITEMS, validationRange } from './items.js'
import { requestsOf } from './needs.js'
import { pairKey, type Run } from './plan.js'

export interface Cost {
  runs: number
  /** Tokens passed forward, padding included: every pass over every batch. */
  tokens: number
  /** 2 per parameter and token forward, 4 more backward; a Hessian-vector product counts as three gradients. */
  flops: number
  /** Bytes of weights that one worker reads when they stay in memory: base and post of every pair once. */
  bytes: number
}

/** Padded tokens of forward passes, and of passes that take a gradient. */
interface Passes {
  forward: number
  backward: number
}

/** Cost of all runs, of the reference measurements, and of the data for mergers. Generation counts as one pass over prompt and target. */
export async function estimateCost(
  experiment: Experiment,
  inputs: readonly ModelInputs[],
  runs: readonly Run[],
): Promise<Cost> {
  const cost: Cost = {
    runs: runs.length,
    tokens: 0,
    flops: 0,
    bytes: inputs.reduce((sum, { bytes }) => sum + bytes, 0),
  }
  const requests = new Map(runs.flatMap((run) => requestsOf(run, experiment.data.items)).map((each) => [each.id, each]))
  for (const model of inputs) {
    const add = ({ forward, backward }: Passes, times = 1) => {
      cost.tokens += times * (forward + backward)
      cost.flops += times * flopsOf(model, { forward, backward })
    }
    for (const { pair, request } of requests.values()) {
      if (pairKey(pair) !== pairKey(model.pair)) continue
      for (const { task } of model.tasks) {
        const { tokens } = await sizeOf(sliceTask(task, -request.items), model)
        add(request.kind === 'fisher' ? { forward: 0, backward: tokens } : { forward: tokens, backward: 0 })
      }
    }
    for (const { task } of model.tasks) {
      const members = runsOn(runs, model, task)
      if (!members.length) continue
      const { reference, each } = await passesOf(experiment, model, task, members)
      add(reference)
      add(each, members.length)
    }
  }
  return cost
}

/** Estimated floating-point operations of each run by its id, without what several runs share. */
export async function estimateRuns(
  experiment: Experiment,
  inputs: readonly ModelInputs[],
  runs: readonly Run[],
): Promise<Map<string, number>> {
  const flops = new Map<string, number>()
  for (const model of inputs)
    for (const { task } of model.tasks) {
      const members = runsOn(runs, model, task)
      if (!members.length) continue
      const { each } = await passesOf(experiment, model, task, members)
      for (const { id } of members) flops.set(id, flopsOf(model, each))
    }
  return flops
}

const runsOn = (runs: readonly Run[], { pair }: ModelInputs, { name }: Task): Run[] =>
  runs.filter((run) => run.pair.name === pair.name && run.task.name === name)

const flopsOf = ({ parameters }: ModelInputs, { forward, backward }: Passes): number =>
  parameters * (2 * forward + 6 * backward)

/** The passes of each run on one task of a model, and of the reference that they share. */
async function passesOf(
  experiment: Experiment,
  model: ModelInputs,
  task: Task,
  runs: readonly Run[],
): Promise<{ reference: Passes; each: Passes }> {
  const { loss, score } = experiment
  const measure = (begin: number, end: number) => sizeOf(sliceTask(task, begin, end), model)
  const ofLoss = loss ? await measure(0, loss.items) : NOTHING
  const ofScore = score ? await measure(0, score.items) : NOTHING
  const range = validationRange(experiment)
  const ofValidation = range ? await measure(...range) : NOTHING
  const nodes = loss && loss.riemann ? gradientNodes(loss).length : 0
  const reused = loss && loss.riemann && runs.length > 1 && reusesGradient(loss, ofLoss.batches)
  const shared = reused || runs.some(({ edit }) => edit.needsGradient)
  const ofShared = shared ? (loss ? ofLoss : await measure(0, GRADIENT_ITEMS)) : NOTHING
  const gradients = nodes - (reused ? 1 : 0) + (loss && loss.taylor2 ? 3 : 0)
  // The estimates of a divergence pass post once each; its last states are kept for the divergence itself.
  const still = loss && loss.kind === 'kl' ? Number(loss.riemann) + Number(loss.taylor2) : 0
  const measured = ofLoss.tokens + ofScore.tokens
  return {
    // Base and post-trained model.
    reference: { forward: 2 * measured, backward: ofShared.tokens },
    each: { forward: measured + still * ofLoss.tokens + ofValidation.tokens, backward: gradients * ofLoss.tokens },
  }
}

interface Size {
  /** Padded tokens of all batches. */
  tokens: number
  batches: number
}

const NOTHING: Size = { tokens: 0, batches: 0 }

/** All images have the same length. An item without a reference answer counts with its prompt alone. */
async function sizeOf(task: Task, { sequence, tokenizer, reach }: ModelInputs): Promise<Size> {
  if (sequence !== undefined) {
    const { length } = task.items
    return { tokens: length * sequence, batches: Math.ceil(length / imagesPerBatch(imagesFor(tokenizer, task))) }
  }
  const batches = await encodeItems(withTargets(task), tokenizer, reach)
  return { tokens: batches.reduce((sum, { rows, columns }) => sum + rows * columns, 0), batches: batches.length }
}

const withTargets = (task: Task): Task =>
  task.kind === 'generate'
    ? { ...task, items: task.items.map((item) => (item.target ? item : { ...item, target: ' ' })) }
    : task
