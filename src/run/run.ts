// One run: a planned edit of a pair → its row and its per-tensor terms.
import { editorNamed, needsGram } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { encodeItems, evaluate } from '../evaluate/index.js'
import { classify, type Loss, lossOf, type PathSum, riemannSum, taylor2 } from '../loss/index.js'
import { gramMatrices } from '../loss/information.js'
import { NotFinite } from '../models/index.js'
import { type MergerData, type Run, validationRange } from '../plan/index.js'
import type { Row, Term } from '../record/index.js'
import type { Task } from '../tasks/index.js'
import type { Batch } from '../tensor/index.js'
import { applyEdit } from './edit.js'
import type { EditedModel } from './edited-model.js'
import type { LoadedPair, Measures } from './loaded-pair.js'
import { applyMerge } from './merge.js'
import type { Reference } from './reference.js'
import { applyRouted } from './routed.js'
import { type Finished, failedRow } from './row.js'
import { collectWarnings } from './warnings.js'

/** Items that GPTQ is calibrated on: the task's last, which small samples of loss and score do not reach. */
const CALIBRATION_ITEMS = 32

/** XᵀX of what the post-trained model's linear layers are fed on those items, where an editor asks for it; once per task. */
function calibrationOf(
  home: LoadedPair,
  { edit, task: { source } }: Run,
  task: Task,
): Promise<Map<string, Float32Array> | undefined> {
  if (!edit.steps.some(({ editor, options }) => needsGram({ editor: editorNamed(editor), options })))
    return Promise.resolve(undefined)
  const name = `inputs of layers on ${source}`
  const known = home.caches[edit.on].get(name)
  const measure = async () =>
    gramMatrices(
      home.model,
      home.post,
      await encodeItems({ ...task, items: task.items.slice(-CALIBRATION_ITEMS) }, home.tokenizer, home.model),
    )
  const found = known ?? measure()
  home.caches[edit.on].set(name, found)
  return found as Promise<Map<string, Float32Array>>
}

/**
 * Edits, measures, and cleans up after itself.
 * @param facts clock: seconds since any fixed moment; data: of each post of a merge, where its merger needs any
 * @throws UserError when a measure is not finite: the loss can be where its gradient is not
 */
export async function executeRun(
  home: LoadedPair,
  run: Run,
  measures: Measures,
  reference: Reference,
  facts: { experiment: string; backend: string; clock: () => number; data?: readonly MergerData[] | undefined },
): Promise<Finished> {
  const started = facts.clock()
  const { task, batches } = await home.open(run.task, measures.loss ? measures.loss.items : undefined)
  const { edit, seed } = run
  const { warn, summary } = collectWarnings()
  const data = facts.data ?? []
  const applied = edit.merge
    ? await (edit.merge.data === 'prompts' ? applyRouted : applyMerge)(home, edit, seed, data, warn)
    : await applyEdit(home, edit, seed, {
        gradient: edit.needsGradient ? reference.gradient : null,
        grams: await calibrationOf(home, run, task),
        warn,
      })
  try {
    const { columns, terms } = await measureLoss(home, run, measures, reference, applied, { task, batches })
    const scoreOf = (part: Task) =>
      applied.routed?.score(part) ??
      evaluate(home.model, applied.weights, part, home.tokenizer, { allowCode: measures.allowCode })
    const scores = measures.score && (await scoreOf(firstItems(task, measures.score.items)))
    const range = validationRange(measures)
    const validated = range && (await scoreOf({ ...task, items: task.items.slice(...range) }))
    const counted = measures.score || measures.loss
    const accuracy = counted && applied.routed ? await applied.routed.accuracy(firstItems(task, counted.items)) : null
    const row: Row = {
      ...failedRow(facts.experiment, run, ''),
      tensors: applied.tensors,
      parameters: applied.parameters,
      kept: applied.kept,
      bits_per_parameter: applied.bitsPerParameter,
      delta_norm: applied.deltaNorm,
      edit_norm: applied.editNorm,
      ...columns,
      metric: scores ? scores.metric : null,
      score_pre: reference.scorePre,
      score_post: reference.scorePost,
      score_edited: scores ? scores.score : null,
      score_validation: validated ? validated.score : null,
      n: scores ? scores.items.length : null,
      router_accuracy: accuracy,
      warnings: summary(),
      seconds: facts.clock() - started,
      backend: facts.backend,
      status: 'ok',
      error: null,
    }
    requireFinite(row)
    return { row, terms }
  } finally {
    applied.dispose()
  }
}

const firstItems = (task: Task, items: number): Task => ({ ...task, items: task.items.slice(0, items) })

export function requireFinite(columns: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(columns)) {
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new UserError(`${name} is ${value}: the edit is too strong for float32`)
  }
}

/** Sum along a path that does not move: there is no direction to differentiate in. */
const NOTHING: PathSum = { sum: 0, terms: new Map() }

async function measureLoss(
  home: LoadedPair,
  run: Run,
  { loss: settings }: Measures,
  { lossPre, lossPost, gradient: origin }: Reference,
  applied: EditedModel,
  { task, batches }: { task: Task; batches: readonly Batch[] },
): Promise<{ columns: Partial<Row>; terms: Term[] }> {
  if (!settings || !lossPre || !lossPost) return { columns: {}, terms: [] }
  const { model, post } = home
  const { routed } = applied
  const edited = await (
    routed?.loss(firstItems(task, settings.items)) ?? lossOf(model, applied.weights, batches)
  ).catch((error) => {
    throw error instanceof NotFinite
      ? new UserError('loss_edited is NaN or infinite: the edit is too strong for float32', { cause: error })
      : error
  })
  const { change, standardError, class: verdict } = classify(lossPost, edited)
  const { rule, steps } = settings
  const still = applied.editNorm === 0
  const path =
    !settings.riemann || routed
      ? null
      : still
        ? NOTHING
        : await riemannSum(model, post, applied.change, batches, { rule, steps, origin })
  const second =
    !settings.taylor2 || routed
      ? null
      : still
        ? { ...NOTHING, first: NOTHING }
        : await taylor2(model, post, applied.change, batches)
  const terms =
    settings.terms && path
      ? [...path.terms].map(
          ([tensor, term]): Term => ({
            run: run.id,
            tensor,
            role: home.roles[tensor]!,
            parameters: applied.change.get(tensor)!.length,
            edit_norm: applied.norms.get(tensor)!,
            term,
          }),
        )
      : []
  return {
    terms,
    columns: {
      loss_pre: lossPre.mean,
      loss_post: lossPost.mean,
      loss_edited: edited.mean,
      loss_change: change,
      loss_change_se: Number.isFinite(standardError) ? standardError : null,
      loss_items: countItems(lossPost),
      loss_tokens: lossPost.tokens,
      riemann_rule: path && rule,
      riemann_steps: path && steps,
      riemann_sum: path && path.sum,
      taylor1: second && second.first.sum,
      taylor2: second && second.sum,
      class: verdict,
    },
  }
}

const countItems = (loss: Loss) => loss.itemTokens.filter((tokens) => tokens > 0).length
