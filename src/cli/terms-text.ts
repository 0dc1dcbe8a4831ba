// The per-tensor terms of one edit as text: largest first, then sums by role, then the total beside the exact loss change.

import type { Row, Term } from '../record/index.js'
import { CLASSES, lossUnit } from '../report/index.js'

/** The text for terms that are already in order. */
export function printTerms(row: Row, terms: readonly Term[]): string {
  const roles = new Map<string, { term: number; tensors: number; parameters: number }>()
  for (const { role, term, parameters } of terms) {
    const sum = roles.get(role) ?? { term: 0, tensors: 0, parameters: 0 }
    roles.set(role, { term: sum.term + term, tensors: sum.tensors + 1, parameters: sum.parameters + parameters })
  }
  const total = row.riemann_sum!
  const share = (term: number) => (total === 0 ? '' : `${((100 * term) / total).toFixed(1)} %`)
  const byRole = [...roles].sort(([, a], [, b]) => Math.abs(b.term) - Math.abs(a.term))
  return [
    columns([
      ['term', 'share', 'norm of change', 'role', 'tensor'],
      ...terms.map(({ term, edit_norm, role, tensor }) => [
        signed(term),
        share(term),
        edit_norm.toPrecision(3),
        role,
        tensor,
      ]),
    ]),
    columns([
      ['term', 'share', 'tensors', 'parameters', 'role'],
      ...byRole.map(([role, { term, tensors, parameters }]) => [
        signed(term),
        share(term),
        String(tensors),
        String(parameters),
        role,
      ]),
    ]),
    `Riemann sum (${row.riemann_rule}, ${row.riemann_steps} steps) ${signed(total)} ${lossUnit([row])}`,
    `exact loss change ${signed(row.loss_change!)}${row.loss_change_se === null ? '' : ` ± ${row.loss_change_se.toExponential(2)}`} ` +
      `(${row.loss_post!.toFixed(4)} → ${row.loss_edited!.toFixed(4)}, ${row.loss_items} items of ${row.task}): ${row.class}`,
    ...LEGEND,
    '',
  ].join('\n')
}

const LEGEND = [
  'Term: part of the Riemann sum, above 0 is worse; norm of change: ‖edited − post‖; loss: of post → of the edited model.',
  `${CLASSES[0]!.toUpperCase()}${CLASSES.slice(1)}; ±: this error.`,
]

const signed = (value: number) => `${value < 0 ? '' : '+'}${value.toExponential(3)}`

/** Right-aligned columns; the last one is left-aligned. */
function columns(rows: string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return `${rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padStart(widths[i]!))).join('  ')).join('\n')}\n`
}
