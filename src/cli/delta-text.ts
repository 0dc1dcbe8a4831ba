// What commands on delta files print: a line for each tensor, and the sums.
import type { Delta, DeltaReport, StoredFile, StoredRow } from '../delta/index.js'
import { amount, printable } from '../errors/index.js'
import type { BitDeltaContent } from '../sources/index.js'
import { choiceLines } from './budget-flags.js'
import { printResult, warn } from './messages.js'

const per = (stored: number, bytes: number): string => (bytes ? `${((100 * stored) / bytes).toFixed(1)} %` : '–')

/** Whether a tensor is stored without one of the base. */
const isAlone = ({ base, codec }: StoredRow): boolean => codec !== 'unchanged' && base === null

/** What is known when a delta file is written or read: sizes, and how the tensors are stored. */
export function deltaSums({ stored, bytes, tensors, rest }: DeltaReport): string {
  const of = (test: (row: StoredRow) => boolean): number => tensors.filter(test).length
  const unchanged = of(({ codec }) => codec === 'unchanged')
  const alone = of(isAlone)
  const coded = of(({ options }) => options !== null)
  const lossy = [...new Set(tensors.filter(({ options }) => options).map(({ codec }) => codec))].map(
    (name) => `${of(({ codec }) => codec === name)} by ${name}`,
  )
  const parameters = tensors
    .filter(({ codec }) => codec !== 'unchanged')
    .reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0)
  const bits = parameters ? `, ${((8 * stored) / parameters).toFixed(2)} bits for each parameter that is stored` : ''
  return [
    `${amount(stored)} for ${amount(bytes)} (${per(stored, bytes)})${bits}`,
    `${tensors.length} tensors: ${[...lossy, `${tensors.length - unchanged - alone - coded} as differences`, `${unchanged} as in the base`, `${alone} by themselves`].join(', ')}`,
    `files and headers: ${amount(rest.stored)} for ${amount(rest.bytes)}`,
  ].join('\n')
}

/** By what the files that were made are known to be right. */
export function checksText(files: DeltaReport['files']): string {
  const of = (test: (file: StoredFile) => boolean): number => files.filter(test).length
  const counts = [
    [of(({ sha256 }) => sha256 !== null), 'with the SHA-256 that they had'],
    [of(({ sha256, isExact }) => isExact && sha256 === null), 'with the checksums that their pieces had'],
    [of(({ isExact }) => !isExact), 'with the deltas that were kept'],
  ] as const
  const said = counts.filter(([count]) => count).map(([count, how]) => `${count} ${how}`)
  return `${files.length} files, ${said.join(', ')}`
}

/** Prints what was written. */
export async function tellDelta(delta: Delta, out: string, json: boolean | undefined): Promise<void> {
  const { reportDelta } = await import('../delta/index.js')
  const report = reportDelta(delta)
  printResult(json, { out, ...report }, `${choiceLines(report.choice)}${deltaSums(report)}\n${out} written\n`)
  if (report.tensors.every(isAlone) && report.tensors.some(({ codec }) => codec !== 'raw'))
    warn('no tensor of the model has one of the same name and shape in the base: the file holds all of it')
}

/** Prints what a file of BitDelta holds. */
export function tellBitDelta({ signs, whole, bytes }: BitDeltaContent, out: string, json: boolean | undefined): void {
  const text = `${signs.length} tensors by signs, ${whole.length} as they are; the others are the base's: ${amount(bytes)}\n${out} written\n`
  printResult(json, { out, signs, whole, bytes }, text)
}

/** A name of a file that others made. */
export const shown = (name: string): string => printable(name.replace(/\s/g, ' '))

/** What the columns of the table are. */
const LEGEND =
  "of it: part of the tensor's own bytes; bits: for each parameter; error: norm of what is lost, by that of the delta; base: the base's tensor where its name is another, – for none."

/** The table of the tensors. */
export function deltaTable({ tensors }: DeltaReport): string {
  const rows = tensors.map(({ name, dtype, shape, codec, error, base, bytes, stored, bitsPerParameter }) => [
    shown(name ?? ''),
    `${dtype} [${shape.join(', ')}]`,
    codec,
    String(stored),
    per(stored, bytes),
    (bitsPerParameter ?? 0).toFixed(2),
    error ? error.toPrecision(3) : '0',
    base === null ? '–' : base === name ? '' : shown(base),
  ])
  const head = ['tensor', 'stored as', 'codec', 'bytes', 'of it', 'bits', 'error', 'base']
  const widths = head.map((word, i) => Math.max(word.length, ...rows.map((row) => row[i]!.length)))
  const isNumber = (i: number): boolean => i >= 3 && i <= 6
  const line = (row: readonly string[]): string =>
    row
      .map((word, i) => (isNumber(i) ? word.padStart(widths[i]!) : word.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [...[head, ...rows].map(line), '', LEGEND].join('\n')
}
