// The reports of inspect as CSV, and as aligned text, one line at a time so that a long report appears as it is made.
import { createObjectCsvStringifier } from 'csv-writer'
import type { Pair } from '../checkpoint/index.js'
import type { GroupReport, TensorReport } from './inspect.js'

const COLUMNS = [
  ['parameters', 'entries', 10],
  ['relative_norm', '|Δ|/|W|', 9],
  ['delta_norm', '|Δ|', 9],
  ['mean', 'mean', 10],
  ['std', 'std', 9],
  ['p50', 'p50', 9],
  ['p90', 'p90', 9],
  ['p99', 'p99', 9],
  ['max', 'max', 9],
  ['zeros', 'zeros', 8],
  ['cosine', 'cosine', 9],
] as const

/** The heading of a table of tensors or of roles whose first column is `width` wide. */
export function headLine(of: 'tensor' | 'role', width: number): string {
  return (
    of.padEnd(width) +
    COLUMNS.map(([, title, w]) => title.padStart(w)).join('') +
    (of === 'tensor' ? 'eff. rank' : 'tensors').padStart(10)
  )
}

export function reportLine(name: string, report: TensorReport | GroupReport, width: number): string {
  const cells = COLUMNS.map(([column, , w]) =>
    (column === 'parameters' ? countText(report[column]) : numberText(column, report[column])).padStart(w),
  )
  const last = 'tensors' in report ? String(report.tensors) : (report.effective_rank?.toFixed(1) ?? '–')
  return name.padEnd(width) + cells.join('') + last.padStart(10)
}

function numberText(column: string, value: number | null): string {
  if (value === null || Number.isNaN(value)) return '–'
  if (column === 'zeros') return `${(value * 100).toFixed(2)}%`
  if (column === 'cosine') return value.toFixed(5)
  return value === 0
    ? '0'
    : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4
      ? value.toPrecision(4)
      : value.toExponential(2)
}

/** 950, 4.6k, 58.7M, 8.03G */
export function countText(n: number): string {
  const power = n < 1e4 ? 0 : n < 1e6 ? 1 : n < 1e9 ? 2 : 3
  return power ? (n / 1000 ** power).toPrecision(3) + ' kMG'[power] : String(n)
}

/** CSV with a header line; the columns are the fields of the report. */
export function toCsv(reports: readonly (TensorReport | GroupReport)[]): string {
  if (!reports.length) return ''
  const rows = reports.map((report) => ('shape' in report ? { ...report, shape: report.shape.join('x') } : report))
  const header = Object.keys(reports[0]!).map((id) => ({ id, title: id }))
  const csv = createObjectCsvStringifier({ header })
  return `${csv.getHeaderString()}${csv.stringifyRecords(rows)}`
}

/** What the columns mean. */
export const LEGEND = [
  '|Δ|: norm of Δ = post − base; |Δ|/|W|: beside the norm of base; mean, std: of the entries of Δ; zeros: entries that stayed.',
  'p50, p90, p99, max: of their magnitudes; cosine: of base and post; eff. rank: exp of the entropy of the singular values.',
]

/** Sentences on what the statistics leave out or mix. */
export function notesOn({ tied, dtypes, unmatched }: Pair): string[] {
  const [first] = dtypes
  return [
    ...[...tied].map(([copy, source]) => `${copy} is a copy of ${source} (tied) and counted once.`),
    ...(first
      ? [
          `${dtypes.length} tensors change their format, e.g. ${first.name}: ${first.base} in base, ${first.post} in post.`,
        ]
      : []),
    ...(unmatched.length
      ? [
          `${unmatched.length === 1 ? '1 tensor does not match and was' : `${unmatched.length} tensors do not match and were`} left out: ${unmatched.join(', ')}`,
        ]
      : []),
  ]
}
