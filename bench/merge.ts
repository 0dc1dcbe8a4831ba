// Merges, edits, inspect and extract, whole processes: wall time and peak memory, against the least that any tool has to do
// (read the inputs, write the output), against mergekit where the variable MERGEKIT names its command, and against set bounds.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Comparison } from './compare.js'
import {
  describeSetting,
  type MeasuredRow,
  type Previous,
  readPrevious,
  type Setting,
  storeResults,
  withRows,
} from './merge-results.js'
import { type Contestant, type Goal, ROWS, type Row } from './merge-rows.js'
import { describeMerges, isMet, ratioOf } from './merge-table.js'
import { type Figure, measureProgram } from './processes.js'
import { type Trio, writeTrio } from './trio.js'

const ROUNDS = 2

/** With `small` the models are small, and nothing is stored. */
export interface MergeOptions {
  rows: readonly string[]
  small: boolean
}

export async function* run({ rows: names, small }: MergeOptions): AsyncGenerator<Comparison> {
  const rows = ROWS.filter(({ name }) => names.length === 0 || names.includes(name))
  const trio = await writeTrio(small)
  const setting = describeSetting({ files: trio.files, parameters: trio.parameters, rounds: ROUNDS })
  note(`the files are in ${trio.files}; mergekit ${setting.mergekit ?? 'is not measured: MERGEKIT names no command'}`)
  note(`deltalab random wrote them in ${trio.written.map(({ seconds }) => `${seconds.toFixed(1)} s`).join(', ')}`)
  const measured: MeasuredRow[] = []
  for (const row of rows) {
    measured.push(await measureRow(row, trio))
    yield* compareRow(measured.at(-1)!, setting)
    if (setting.mergekit === null && !small) noteBefore(measured.at(-1)!, readPrevious())
  }
  if (small) return
  const results = withRows(setting, measured)
  if (results) storeResults(results, describeMerges(results, readPrevious()))
  else note('not stored: results/bench is of another machine, version or mergekit; a run of all rows replaces it')
}

/** Runs the programs of a row in turn. One that fails is named and left out; the benchmark fails then, at its end. */
async function measureRow(row: Row, trio: Trio): Promise<MeasuredRow> {
  const out = join(trio.root, 'out')
  const runs = new Map<Contestant, Figure[]>()
  const programs = new Map(
    Object.entries(row.programs(trio, out)) as [Contestant, Parameters<typeof measureProgram>[0]][],
  )
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, program] of programs) {
      if (!program) continue
      try {
        runs.set(name, [...(runs.get(name) ?? []), await measureProgram(program)])
      } catch (error) {
        note(`${row.name}, ${name}: ${(error as Error).message}`)
        process.exitCode = 1
        programs.delete(name)
        runs.delete(name)
      }
      rmSync(out, { recursive: true, force: true })
    }
  const each = <T>(value: (figures: Figure[]) => T) =>
    Object.fromEntries([...runs].map(([name, figures]) => [name, value(figures)])) as Partial<Record<Contestant, T>>
  return {
    row: row.name,
    date: new Date().toISOString().slice(0, 10),
    goals: row.goals,
    figures: each((figures) => {
      const peaks = figures.flatMap(({ peak }) => peak ?? [])
      return {
        seconds: Math.min(...figures.map(({ seconds }) => seconds)),
        peak: peaks.length ? Math.max(...peaks) : null,
      }
    }),
    rounds: each((figures) => figures.map(({ seconds }) => seconds)),
  }
}

/** A comparison per goal whose two sides were measured. */
function compareRow(row: MeasuredRow, setting: Setting): Comparison[] {
  return row.goals.flatMap((goal) => {
    const ratio = ratioOf(row, goal)
    if (ratio === null) return []
    const [unit, scale] = goal.of === 'seconds' ? (['ms', 1000] as const) : (['MB', 1e-6] as const)
    const ours = row.figures[goal.ours]![goal.of]! * scale
    const name = nameOf(row.row, goal, setting)
    return { name, ratio, ours, theirs: ours * ratio, unit, goal: goal.least, met: isMet(ratio, goal) }
  })
}

/** What the last release took, perhaps on another machine. */
function noteBefore({ row, figures }: MeasuredRow, { deltalab, rows }: Previous): void {
  const [now, before] = [figures.deltalab, rows.find((each) => each.row === row)?.figures.deltalab]
  if (!now || !before) return
  const ratio = (before.seconds / now.seconds).toFixed(1)
  note(`${row}: deltalab ${deltalab} took ${before.seconds} s: ${ratio} times as fast now, if the machine is the same`)
}

function nameOf(row: string, { of, ours, theirs }: Goal, { mergekit }: Setting): string {
  const who = ours === 'deltalab' ? row : `${row} with ${ours === '300MB' ? '--memory 300MB' : ours}`
  if (of === 'peak') return `${who}, peak memory, against the bound`
  const rival =
    theirs === 'floor' ? 'reading and writing the bytes' : theirs === 'mergekit' ? `mergekit ${mergekit}` : theirs
  return `${who}, against ${rival}`
}

const note = (text: string) => process.stderr.write(`${text}\n`)
