// One run: a planned edit of a loaded pair → its row and its per-tensor terms.

import { needsGram } from '../editors/index.js'
import { collectWarnings } from '../errors/index.js'
import { encodeItems } from '../evaluate/index.js'
import { gramMatrices, type LossKind, taylor2 } from '../loss/index.js'
import type { Batch } from '../models/index.js'
import { type MergerData, type Run, validationRange } from '../plan/index.js'
import { track, type Work } from '../progress/index.js'
import type { Row } from '../record/index.js'
import { sliceTask, type Task } from '../tasks/index.js'
import { applyEdit } from './edit.js'
import type { HeldModel } from './edited-model.js'
import type { LoadedPair, Measures } from './loaded-pair.js'
import { measureChange, passesOf } from './measure-change.js'
import { applyMerge } from './merge.js'
import { scoreRange } from './of-post.js'
import type { Reference } from './reference.js'
import { applyRouted } from './routed.js'
import { countColumns, type Finished, finishedRow, termsOf } from './row.js'

/** Number of items that GPTQ is calibrated on: the last of the task, so that they seldom overlap with the measured ones. */
const CALIBRATION_ITEMS = 32

/** What a run is given besides its plan. */
export interface RunFacts {
  experiment: string
  backend: string
  /** Seconds since any fixed moment. */
  clock: () => number
  reference: Reference
  /** Of each post of a merge, where its merger needs any. */
  data?: readonly MergerData[] | undefined
}

/**
 * Edits, measures, and frees what it allocated.
 * @throws UserError when a measured value is not finite
 */
export function executeRun(home: LoadedPair, run: Run, measures: Measures, facts: RunFacts): Promise<Finished> {
  const { pair, task, edit } = run
  const name = `${pair.name} ${task.name} ${edit.label}`
  return track({ name, unit: '%', total: totalOf(measures) }, (work) =>
    measureRun(home, run, measures, { ...facts, part: work.part }),
  )
}

/** Forward passes over the items, about, that a step of a run takes: how long it is beside the others. */
const EDIT = 1
const TAYLOR = 9
const SCORE = 2

function totalOf({ loss, score }: Measures): number {
  const ofLoss = loss ? passesOf(loss) + (loss.taylor2 ? TAYLOR : 0) : 0
  return EDIT + ofLoss + (score ? SCORE * (score.validation ? 2 : 1) : 0)
}

async function measureRun(
  home: LoadedPair,
  run: Run,
  measures: Measures,
  facts: RunFacts & Pick<Work, 'part'>,
): Promise<Finished> {
  const { part } = facts
  const started = facts.clock()
  const { loss: settings } = measures
  const { loss, score, gradient } = facts.reference
  const { task, batches } = await home.open(run.task, settings ? settings.items : undefined)
  const { warn, summary } = collectWarnings()
  const edited = await part(EDIT, () => applyRun(home, run, task, { ...facts, warn }))
  try {
    const measured = settings && loss && { ...home, task: sliceTask(task, 0, settings.items), batches, loss, gradient }
    const change = measured ? await part(passesOf(settings), () => measureChange(measured, edited, settings)) : null
    const row = finishedRow(facts.experiment, run, {
      ...countColumns(edited),
      ...change?.columns,
      ...(settings &&
        settings.taylor2 &&
        (await part(TAYLOR, () => taylorColumns(home, edited, batches, settings.kind)))),
      ...(await scoreColumns(home, edited, task, { ...measures, part, source: run.task.source })),
      score_pre: score ? score.pre.score : null,
      score_post: score ? score.post.score : null,
      others_pre: score?.pre.others ?? null,
      others_post: score?.post.others ?? null,
      warnings: summary(),
      seconds: facts.clock() - started,
      backend: facts.backend,
    })
    return { row, terms: settings && settings.terms && change?.path ? termsOf(run, edited, change.path) : [] }
  } finally {
    edited.dispose()
  }
}

/** The edited or merged model of the run. */
async function applyRun(
  home: LoadedPair,
  { edit, seed, task: { source } }: Run,
  task: Task,
  { reference, data = [], warn }: Pick<RunFacts, 'reference' | 'data'> & { warn: (text: string) => void },
): Promise<HeldModel> {
  if (edit.merge) {
    const apply = edit.merge.data === 'prompts' ? applyRouted : applyMerge
    return apply(home, edit, { seed, data, warn })
  }
  const gradient = edit.needsGradient ? reference.gradient : null
  const given = home.registry.steps(edit.steps).some(needsGram)
  const grams = given ? await layerGrams(home, source, task) : undefined
  return applyEdit(home, edit, { seed, gradient, grams, warn })
}

/** XᵀX of the inputs of the post-trained model's linear layers, on the last items of a task; measured once per task. */
function layerGrams(home: LoadedPair, source: string, task: Task): Promise<Map<string, Float32Array>> {
  const known = home.grams.get(source)
  if (known) return known
  const last = sliceTask(task, -CALIBRATION_ITEMS)
  const found = encodeItems(last, home.tokenizer, home.model).then((batches) =>
    gramMatrices(home.model, home.post, batches),
  )
  home.grams.set(source, found)
  return found
}

/** Second-order estimates of the loss change, where there is one path. */
async function taylorColumns(
  { model, post }: LoadedPair,
  { change, editNorm, routed }: HeldModel,
  batches: readonly Batch[],
  kind: LossKind,
): Promise<Partial<Row>> {
  if (routed) return {}
  if (editNorm === 0) return { taylor1: 0, taylor2: 0 }
  const { sum, first } = await taylor2(model, { post, change }, batches, kind)
  return { taylor1: first.sum, taylor2: sum }
}

/** Scores of the edited model on the first items, and on those that options are chosen by. */
async function scoreColumns(
  home: LoadedPair,
  edited: HeldModel,
  task: Task,
  { part, source, ...measures }: Measures & Pick<Work, 'part'> & { source: string },
): Promise<Partial<Row>> {
  const { score, loss, allowCode } = measures
  const scoreOf = (from: number, to: number) =>
    part(SCORE, () => scoreRange(home, edited, task, { source, from, to, allowCode }))
  const scores = score && (await scoreOf(0, score.items))
  const range = validationRange(measures)
  const validated = range && (await scoreOf(...range))
  const counted = score || loss
  const { routed } = edited
  return {
    metric: scores ? scores.metric : null,
    score_edited: scores ? scores.score : null,
    score_validation: validated ? validated.score : null,
    others_edited: (scores && scores.others) || null,
    n: scores ? scores.n : null,
    router_accuracy: routed && counted ? await routed.accuracy(sliceTask(task, 0, counted.items)) : null,
  }
}
