// The columns of a row that the plan alone determines, and the row of a run that failed.
import { optionsOf, postName } from '../config/index.js'
import { editorNamed } from '../editors/index.js'
import type { Run } from '../plan/index.js'
import type { Row, Term } from '../record/index.js'

/** What a run leaves behind. */
export interface Finished {
  row: Row
  terms: Term[]
}

/** The columns that the plan alone determines. */
export function plannedColumns(experiment: string, run: Run) {
  const { merge } = run.edit
  const options = optionsOf(run.edit)
  const groups = [...run.edit.steps.map((step) => step.options), options]
  const option = (name: string): number | null => {
    const found = groups.map((group) => group[name]).find((value) => typeof value === 'number')
    return (found as number | undefined) ?? null
  }
  const entryBits = run.edit.steps
    .map((step) => editorNamed(step.editor).entryBits(step.options))
    .find((bits) => bits !== null)
  const { include, exclude } = run.edit.tensors
  return {
    id: run.id,
    experiment,
    model: run.pair.name,
    task: run.task.name,
    editor: run.edit.editor,
    merger: merge?.merger ?? null,
    merged: merge ? merge.posts.map(postName).join('+') : null,
    label: run.edit.label,
    on: run.edit.on,
    options,
    drop_rate: option('drop_rate'),
    rank: option('rank'),
    bits: option('bits') ?? entryBits ?? null,
    alpha: option('alpha'),
    k: option('k'),
    seed: run.seed,
    selection: [include.join(' ') || '*', exclude.join(' ')].filter(Boolean).join(' !'),
  }
}

/** A run that did not finish: every measured column is empty. */
export function failedRow(experiment: string, run: Run, error: string): Row {
  return {
    ...plannedColumns(experiment, run),
    tensors: null,
    parameters: null,
    kept: null,
    bits_per_parameter: null,
    delta_norm: null,
    edit_norm: null,
    loss_pre: null,
    loss_post: null,
    loss_edited: null,
    loss_change: null,
    loss_change_se: null,
    loss_items: null,
    loss_tokens: null,
    riemann_rule: null,
    riemann_steps: null,
    riemann_sum: null,
    taylor1: null,
    taylor2: null,
    class: null,
    metric: null,
    score_pre: null,
    score_post: null,
    score_edited: null,
    score_validation: null,
    n: null,
    router_accuracy: null,
    warnings: null,
    seconds: null,
    backend: null,
    status: 'failed',
    error,
  }
}
