// What the words of a table mean, in three lines at most: its columns, its classes, and the methods that are one editor with other options.
import { MOST_NATS, namedOptions, type Row, readValue } from '../record/index.js'
import type { Table } from './table.js'

const COLUMNS: Readonly<Record<string, string>> = {
  drop_rate: 'p: drop rate',
  k: 'k: factor of dropped entries',
  lambda: 'λ: factor of the merged delta',
  alpha: 'α: extrapolation',
  bits_per_parameter: 'bits/parameter: to store the delta',
  loss_change: 'loss change: edited − post, above 0 is worse',
  riemann_sum: 'Riemann sum: its estimate',
  taylor2: 'Taylor 2: its second-order estimate',
  gap: 'gap: score − that of post',
}

const CLASSES = 'class: decreased (worse) or improved by over 2 standard errors (over items), else competitive'
const KL_CLASSES = `class: decreased if KL is over ${MOST_NATS} nats on all positions together, else competitive`

/** What the classes of these rows mean; also of a table of one edit. */
export const classWords = (rows: readonly Pick<Row, 'loss_kind'>[]): string =>
  [
    rows.some(({ loss_kind: kind }) => kind !== 'kl') ? CLASSES : '',
    rows.some(({ loss_kind: kind }) => kind === 'kl') ? KL_CLASSES : '',
  ]
    .filter(Boolean)
    .join('; ')

/** @param rows those that the table is made of */
export function legendOf({ by, columns, lines }: Table, rows: readonly Row[]): string[] {
  const names = [...by, ...columns.map(({ name }) => name)]
  const known = [...new Set(names)].flatMap((name) => COLUMNS[name] ?? [])
  const mixed = lines.some(({ cells }) => cells.some(({ word }) => word === 'mixed'))
  return [
    known.join('; '),
    names.includes('class') ? `${classWords(rows)}${mixed ? '; mixed: runs differ' : ''}` : '',
    by.includes('label') ? variantsOf(rows) : '',
  ].filter(Boolean)
}

/** Labels of one editor, by the options that tell them apart: `dare: rescale true; drop-only: dare with rescale false`. */
function variantsOf(rows: readonly Row[]): string {
  const grouped = new Map<string, Row[]>()
  for (const row of rows) {
    if (!grouped.has(row.label)) grouped.set(row.label, [])
    grouped.get(row.label)!.push(row)
  }
  const labels = new Map([...grouped].map(([label, own]) => [label, optionsOf(own)]))
  const editorOf = (label: string) => grouped.get(label)![0]!.editor
  const told = [...labels.keys()].flatMap((label) => {
    const editor = editorOf(label)
    const others = [...labels.keys()].filter((other) => other !== label && editorOf(other) === editor)
    const own = Object.entries(labels.get(label)!).filter(([name, value]) =>
      others.some((other) => {
        const there = labels.get(other)!
        return name in there && there[name] !== value
      }),
    )
    const words = own.map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`).join(', ')
    return editor !== null && words ? `${label}: ${label === editor ? '' : `${editor} with `}${words}` : []
  })
  return told.join('; ')
}

/** The options that all these rows share. */
function optionsOf(rows: readonly Row[]): Record<string, unknown> {
  const first = Object.entries(namedOptions(rows[0]!.options))
  return Object.fromEntries(first.filter(([name, value]) => rows.every((row) => readValue(row, name) === value)))
}
