// A sweep that is running, in lines of text: how far it is, its shards, the rows written last and the failures.
import { type Advance, type Live, type LivePart, type Row, runName } from '../record/index.js'
import { drawBar, durationText, rateText, shorten } from './progress-state.js'

/** Columns and lines that there are for the text. */
export interface Room {
  columns: number
  rows: number
}

const BAR = 24

/** As many lines as there is room for. */
export function describeLive(live: Live, { columns, rows }: Room): string[] {
  const shards = live.parts.filter(({ name }) => name !== '')
  const sections = [
    { title: 'shards', lines: shards.map(describeShard) },
    { title: 'last rows', lines: live.recent.map(describeRow) },
    { title: 'failures', lines: live.failures.map(describeFailure) },
  ].filter(({ lines }) => lines.length)
  const head = describeHead(live)
  // A section has a line before it, and its title; the cursor stands below the last line.
  const each = Math.max(1, Math.floor((rows - head.length - 1) / Math.max(1, sections.length)) - 2)
  return [
    ...head,
    ...sections.flatMap(({ title, lines }) => [
      '',
      lines.length > each ? `${title} (${each} of ${lines.length})` : title,
      ...lines.slice(-each).map((line) => `  ${line}`),
    ]),
  ].map((line) => shorten(line, columns - 1))
}

function describeHead(live: Live): string[] {
  const { experiment, planned, done, failed, found } = live
  const share = planned ? Math.min(1, done / planned) : 1
  const counts = [`${experiment}: ${done} of ${planned} runs are done`]
  if (failed) counts.push(`${failed} of them failed`)
  if (found && found < done) counts.push(`${found} are of earlier starts`)
  const bar = [`${drawBar(share, BAR)} ${Math.floor(100 * share)} %`, ...speedOf(live)]
  return [counts.join(', '), bar.join(' · '), writersOf(live)]
}

const speedOf = ({ rate, left }: Advance): string[] => [
  ...(rate === null ? [] : [rateText(rate)]),
  ...(left === null ? [] : [`${durationText(left)} left`]),
]

/** Names of processes that a line says; of more, their number. */
const FEW = 4

function writersOf({ parts, finished, failed }: Live): string {
  const names = parts.flatMap(({ writer }) => (writer ? `process ${writer.pid} of ${writer.host}` : []))
  if (names.length > FEW) return `${names.length} processes are writing`
  if (names.length) return `${names.join(', ')} ${names.length > 1 ? 'are' : 'is'} writing`
  if (!finished) return 'no process is writing: run the sweep again to go on'
  return failed ? 'finished; deltalab sweep --retry-failed repeats what failed' : 'finished'
}

const describeShard = (part: LivePart): string => {
  const { name, planned, done, failed, writer } = part
  const failures = failed ? [`${failed} failed`] : []
  const who = writer ? `process ${writer.pid} of ${writer.host}` : done < planned ? 'nobody is writing' : 'done'
  return [`${name}  ${done} of ${planned}`, ...failures, ...speedOf(part), who].join(' · ')
}

/** What was measured stands first: the name is long, and may be cut. */
const describeRow = (row: Row): string => {
  const { status, seconds } = row
  const measured = (['loss_change', 'score_edited'] as const).flatMap((column) =>
    row[column] === null ? [] : `${column} ${Number(row[column].toPrecision(4))}`,
  )
  const facts = [...(status === 'failed' ? ['failed'] : measured), ...(seconds === null ? [] : [durationText(seconds)])]
  return [facts.join(', '), runName(row)].join(' · ')
}

const describeFailure = (row: Row): string => `${runName(row)}: ${row.error}`
