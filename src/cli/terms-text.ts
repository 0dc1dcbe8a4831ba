// The per-tensor terms of one edit as text: largest first, then sums by role, then the total beside the exact loss change.

import type { Row, Term } from '../record/index.js'
import { classWords, lossUnit } from '../report/index.js'

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
    exactLine(row),
    ...legendOf(row),
    '',
  ].join('\n')
}

function exactLine(row: Row): string {
  const error = row.loss_change_se === null ? '' : ` ± ${row.loss_change_se.toExponential(2)}`
  const [name, between] =
    row.loss_kind === 'kl'
      ? ['exact KL(post ‖ edited)', `that of base is ${row.loss_pre!.toExponential(3)}`]
      : ['exact loss change', `${row.loss_post!.toFixed(4)} → ${row.loss_edited!.toFixed(4)}`]
  return `${name} ${signed(row.loss_change!)}${error} (${between}, ${row.loss_items} ${row.loss_items === 1 ? 'item' : 'items'} of ${row.task}): ${row.class}`
}

function legendOf(row: Row): string[] {
  const words = classWords([row])
  const classes = `${words[0]!.toUpperCase()}${words.slice(1)}`
  return row.loss_kind === 'kl'
    ? [
        'Term: part of the Riemann sum, that is, of the divergence; below 0: the tensor makes up for others; norm of change: ‖edited − post‖.',
        `${classes}; ±: standard error of the mean over items.`,
      ]
    : [
        'Term: part of the Riemann sum, above 0 is worse; norm of change: ‖edited − post‖; loss: of post → of the edited model.',
        `${classes}; ±: this error.`,
      ]
}

const signed = (value: number) => `${value < 0 ? '' : '+'}${value.toExponential(3)}`

/** Right-aligned columns; the last one is left-aligned. */
function columns(rows: string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return `${rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padStart(widths[i]!))).join('  ')).join('\n')}\n`
}
