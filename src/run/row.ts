// The row and the terms of a run: what the plan determines, what was measured, and the row of a run that failed.
import { optionsOf, postName } from '../config/index.js'
import { UserError } from '../errors/index.js'
import type { PathSum } from '../loss/index.js'
import type { Run } from '../plan/index.js'
import { COLUMNS, OTHERS, type Row, type Term } from '../record/index.js'
import type { Counts } from './edited-model.js'

/** The result of a run. */
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
    bits: option('bits') ?? run.edit.entryBits,
    alpha: option('alpha'),
    k: option('k'),
    seed: run.seed,
    selection: [include.join(' ') || '*', exclude.join(' ')].filter(Boolean).join(' !'),
  }
}

/** Every column; those without a value are empty. */
const fill = (values: ReturnType<typeof plannedColumns> & Partial<Row>): Row =>
  Object.fromEntries(COLUMNS.map((column) => [column, values[column] ?? null])) as Row

/** A run that did not finish: every measured column is empty. */
export const failedRow = (experiment: string, run: Run, error: string): Row =>
  fill({ ...plannedColumns(experiment, run), status: 'failed', error })

/** @throws UserError when a measured value is not finite; a gradient can overflow even if the loss does not */
export function finishedRow(experiment: string, run: Run, measured: Partial<Row>): Row {
  const row = fill({ ...plannedColumns(experiment, run), ...measured, status: 'ok', error: null })
  const others = OTHERS.flatMap((column) =>
    Object.entries(row[column] ?? {}).map(([name, value]) => [`${column}.${name}`, value] as const),
  )
  for (const [name, value] of [...Object.entries(row), ...others]) {
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new UserError(`${name} is ${value}: the edit is too strong for float32`)
  }
  return row
}

/** The columns that count what was edited. */
export const countColumns = (counts: Counts): Partial<Row> => ({
  tensors: counts.tensors.size,
  parameters: counts.parameters,
  kept: counts.kept,
  bits_per_parameter: counts.bitsPerParameter,
  delta_norm: counts.deltaNorm,
  edit_norm: counts.editNorm,
  dominant: counts.rest?.dominant ?? null,
  delta_norm_rest: counts.rest?.deltaNorm ?? null,
  edit_norm_rest: counts.rest?.editNorm ?? null,
})

/** The terms of a Riemann sum, tensor by tensor. */
export const termsOf = (run: Run, { tensors }: Counts, { terms }: PathSum): Term[] =>
  [...terms].map(([tensor, term]) => {
    const { role, parameters, deltaNorm, editNorm } = tensors.get(tensor)!
    return { run: run.id, tensor, role, parameters, edit_norm: editNorm, term, delta_norm: deltaNorm }
  })
