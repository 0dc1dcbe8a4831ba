// Which rows of earlier starts stand for the runs of a plan: those with the id of a run, and computed from what it would be
// computed from now. The id covers the settings; here the rest is compared: input files, backend, definitions, code.
import type { Meta } from './meta.js'
import type { Row } from './row.js'

/** A run that is asked for, and what its row depends on besides its id. */
export interface WantedRun {
  id: string
  /** Names of its input files and tasks in the provenance. */
  inputs: readonly string[]
  /** Folders whose files all take part, as the names of the inputs begin. */
  folders: readonly string[]
  /** Its editors and its merger, as `definitions` of the provenance names them. */
  methods: readonly string[]
  /** What takes part in it and was made in code, so that nobody can see whether it is still the same. */
  objects: readonly string[]
}

/** What is to be in a results folder. */
export interface StorePlan {
  meta: Meta
  /** Text of the config. */
  config: string
  runs: readonly WantedRun[]
}

/** Rows with their provenance. */
export interface Shelf {
  folder: string
  rows: readonly Row[]
  meta: Meta
}

/** A row that does not stand for a run: it is not asked for (no reasons), or it is, and something has changed. */
export interface LeftRow {
  row: Row
  reasons: readonly string[]
}

/** What becomes of the rows of earlier starts. */
export interface SortedRows {
  /** Rows of the results folder itself that stay. */
  stay: Row[]
  /** Rows of the results folder that do not. */
  left: LeftRow[]
  /** Rows apart that are asked for, by the folder that they are in. */
  back: Map<string, Row[]>
}

export const succeeded = ({ status }: Pick<Row, 'status'>): boolean => status !== 'failed'

/** Inputs that versions before 0.3 did not record. */
const RECORDED_LATER = /\/tokenizer_config\.json$|: head$/

/**
 * Finds for each run the row that stands for it, in the results folder (`main`) or among the rows apart. One that succeeded comes
 * before one that failed, which is dropped then.
 */
export function sortRows(
  runs: readonly WantedRun[],
  now: Meta,
  main: Shelf | undefined,
  apart: readonly Shelf[],
): SortedRows {
  const wanted = new Map(runs.map((run) => [run.id, run]))
  const sorted: SortedRows = { stay: [], left: [], back: new Map() }
  const places = new Map<string, { row: Row; folder: string }>()
  const offer = (row: Row, folder: string) => {
    const before = places.get(row.id)
    if (!before || (!succeeded(before.row) && succeeded(row))) places.set(row.id, { row, folder })
  }
  for (const row of main?.rows ?? []) {
    const run = wanted.get(row.id)
    const reasons = run ? changesFor(run, main!.meta, now) : []
    if (run && !reasons.length) offer(row, main!.folder)
    else sorted.left.push({ row, reasons })
  }
  for (const shelf of apart) for (const row of fittingRows(runs, now, shelf)) offer(row, shelf.folder)
  for (const { row, folder } of places.values())
    if (folder === main?.folder) sorted.stay.push(row)
    else if (!sorted.back.get(folder)?.push(row)) sorted.back.set(folder, [row])
  return sorted
}

/** The rows of a folder that are asked for and still right. */
export function fittingRows(runs: readonly WantedRun[], now: Meta, { rows, meta }: Shelf): Row[] {
  const wanted = new Map(runs.map((run) => [run.id, run]))
  return rows.filter((row) => wanted.has(row.id) && !changesFor(wanted.get(row.id)!, meta, now).length)
}

/** What has changed between two provenances as far as this run depends on it, in words; empty if its row is still right. */
export function changesFor(run: WantedRun, earlier: Meta, now: Meta): string[] {
  const changes = run.objects.map((name) => `${name} is an object made in code, which may have changed`)
  for (const key of ['name', 'package'] as const) {
    const [before, after] = [earlier.backend[key], now.backend[key]]
    if (before !== after) {
      changes.push(`the backend was ${before}, is ${after}`)
      break
    }
  }
  for (const name of run.methods)
    if (earlier.definitions?.[name] !== now.definitions?.[name])
      changes.push(`the ${name} gives other numbers in this version of deltalab`)
  for (const name of inputsOf(run, earlier)) {
    const [before, after] = [earlier.inputs[name], now.inputs[name]]
    if (before === after || (earlier.definitions === undefined && RECORDED_LATER.test(name))) continue
    const change = before === undefined ? 'is new' : after === undefined ? 'is gone' : 'has other content'
    changes.push(`${name} ${change}`)
  }
  return changes
}

/** The inputs of now, and those that were there earlier and may be gone. */
function inputsOf({ inputs, folders }: WantedRun, earlier: Meta): Set<string> {
  const within = (name: string) => folders.includes(name.slice(0, name.lastIndexOf('/')))
  return new Set([...inputs, ...Object.keys(earlier.inputs).filter(within)])
}
