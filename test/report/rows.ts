// Rows of runs that never happened, for tests of the report and for looking at figures.
import type { Row, Term } from '../../src/record/index.js'

let made = 0

/** A finished row; what is not given is empty or a small constant. */
export function makeRow(given: Partial<Row> = {}): Row {
  const editor = given.editor === undefined ? 'dare' : given.editor
  return {
    id: `run${String(made++).padStart(6, '0')}`,
    experiment: 'made-up',
    model: 'small',
    task: 'math',
    editor,
    merger: null,
    merged: null,
    label: [editor, given.merger].filter(Boolean).join('+'),
    on: 'delta',
    options: {},
    drop_rate: null,
    rank: null,
    bits: null,
    alpha: null,
    k: null,
    seed: null,
    selection: '**',
    tensors: 38,
    parameters: 840000,
    kept: 420000,
    bits_per_parameter: 16,
    delta_norm: 2,
    edit_norm: 1,
    dominant: {},
    delta_norm_rest: 2,
    edit_norm_rest: 1,
    loss_kind: null,
    loss_pre: 2.5,
    loss_post: 0.05,
    loss_edited: 0.06,
    loss_change: 0.01,
    loss_change_se: 0.002,
    loss_items: 200,
    loss_tokens: 900,
    riemann_rule: 'left',
    riemann_steps: 5,
    riemann_sum: 0.009,
    taylor1: 0,
    taylor2: 0.01,
    class: 'decreased',
    metric: 'exact_match',
    score_pre: 0,
    score_post: 0.97,
    score_edited: 0.9,
    score_validation: null,
    others_pre: null,
    others_post: null,
    others_edited: null,
    n: 500,
    router_accuracy: null,
    warnings: null,
    seconds: 3,
    backend: 'wasm',
    status: 'ok',
    error: null,
    ...given,
  }
}

/** A number in −1…1 that depends on the arguments only. */
export function wobble(...parts: (string | number)[]): number {
  let hash = 2166136261
  for (const letter of parts.join('|')) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619)
  hash ^= hash >>> 15
  return ((Math.imul(hash, 0x2c1b3c6d) >>> 8) / 2 ** 24) * 2 - 1
}

const RATES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]

/** Scores and loss changes against the drop rate: three editors, three tasks, two sizes, five seeds, one failed run. */
export function dropRateRows(): Row[] {
  const rows: Row[] = []
  const half = { dare: 0.97, 'drop only': 0.62, magnitude: 0.72 }
  for (const model of ['small', 'large']) {
    for (const task of ['math', 'code', 'instruct']) {
      for (const [label, centre] of Object.entries(half)) {
        for (const p of RATES) {
          for (const seed of label === 'magnitude' ? [null] : [1, 2, 3, 4, 5]) {
            const noise = 0.02 * wobble(model, task, label, p, seed ?? 0) * (1 + 3 * p)
            const score = Math.max(0, Math.min(1, 0.98 / (1 + Math.exp((p - centre) * 25)) + noise * p))
            const change = Math.max(-0.001, 0.0004 * Math.exp(9 * p * (label === 'dare' ? 0.8 : 1)) * (1 + noise))
            rows.push(
              makeRow({
                model,
                task,
                label,
                editor: label === 'magnitude' ? 'magnitude' : 'dare',
                options: { rescale: label === 'dare' },
                drop_rate: p,
                seed,
                score_edited: score,
                loss_change: change,
                loss_edited: 0.05 + change,
                riemann_sum: change * (0.85 + noise),
                score_post: task === 'code' ? 0.95 : 0.98,
                metric: task === 'code' ? 'pass_at_1' : 'exact_match',
              }),
            )
          }
        }
      }
    }
  }
  rows[7] = {
    ...rows[7]!,
    score_edited: null,
    loss_change: null,
    riemann_sum: null,
    status: 'failed',
    error: 'loss is not finite',
  }
  return rows
}

/** Per-tensor terms for the runs given. */
export function makeTerms(rows: readonly Row[]): Term[] {
  const roles = ['q', 'k', 'v', 'o', 'gate', 'up', 'down']
  return rows.flatMap((row) =>
    Array.from({ length: 4 }, (_, layer) =>
      roles.map((role) => ({
        run: row.id,
        tensor: `model.layers.${layer}.${role.length === 1 ? 'self_attn' : 'mlp'}.${role}_proj.weight`,
        role,
        parameters: 4096,
        edit_norm: 0.1,
        delta_norm: 0.2,
        term: ((row.riemann_sum ?? 0) / 28) * (1 + 2 * wobble(row.id, layer, role)),
      })),
    ).flat(),
  )
}
