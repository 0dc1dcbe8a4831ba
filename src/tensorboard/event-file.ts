// A row as an event file of TensorBoard: its numbers as scalars, and what the run is as hyperparameters, so that the table HPARAMS has
// a line for each run. The messages are those of tensorboard 2.21 (compat/proto/event.proto, summary.proto; plugins/hparams/plugin_data.proto).
import { COLUMNS, IDENTITY, namedOptions, OTHERS, type Row } from '../record/index.js'
import { double, float, part, varint } from './protobuf.js'
import { framed } from './records.js'

/** Columns that say what a run is, beside its options. */
const GIVEN = [...IDENTITY, 'seed'] as const

type Value = string | number | boolean

/** What the run is, by name and in the order of names, as maps are written that are the same each time. */
function hyperparameters(row: Row): [string, Value][] {
  const named = { ...Object.fromEntries(GIVEN.map((name) => [name, row[name]])), ...namedOptions(row.options) }
  return Object.entries(named)
    .filter((entry): entry is [string, Value] => entry[1] !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** What the run measured, by name. */
function scalars(row: Row): [string, number][] {
  const columns = COLUMNS.filter((name) => !(GIVEN as readonly string[]).includes(name)).map(
    (name): [string, unknown] => [name, row[name]],
  )
  const others = OTHERS.flatMap((column) =>
    Object.entries(row[column] ?? {}).map(([name, value]): [string, unknown] => [`${column}.${name}`, value]),
  )
  return [...columns, ...others].filter((entry): entry is [string, number] => typeof entry[1] === 'number')
}

/**
 * The event file of a finished or failed run.
 * @param ended when the run ended, in seconds since 1970
 */
export function eventFile(row: Row, ended: number): Buffer {
  const event = (...content: Buffer[]) => Buffer.concat([double(1, ended), ...content])
  const summary = (...content: Buffer[]) => event(part(5, part(1, Buffer.concat(content))))
  const start = [...hyperparameters(row).map(entryOf), double(5, ended - (row.seconds ?? 0))]
  const end = [varint(1, row.status === 'ok' ? SUCCESS : FAILURE), double(2, ended)]
  return framed([
    event(part(3, 'brain.Event:2')),
    summary(...session('start', part(3, Buffer.concat(start)))),
    ...scalars(row).map(([name, value]) => summary(part(1, name), float(2, value))),
    summary(...session('end', part(4, Buffer.concat(end)))),
  ])
}

const [SUCCESS, FAILURE] = [1, 2]

/** An entry of the map of hyperparameters: a google.protobuf.Value by its name. */
function entryOf([name, value]: [string, Value]): Buffer {
  const written =
    typeof value === 'number' ? double(2, value) : typeof value === 'string' ? part(3, value) : varint(4, Number(value))
  return part(1, Buffer.concat([part(1, name), part(2, written)]))
}

/** The content of a summary for the plugin of hyperparameters, with the empty tensor that TensorBoard wants beside it. */
function session(moment: 'start' | 'end', data: Buffer): Buffer[] {
  const plugin = part(1, Buffer.concat([part(1, 'hparams'), part(2, data)]))
  const nothing = Buffer.concat([varint(1, 1), part(2, part(2, ''))])
  return [part(1, `_hparams_/session_${moment}_info`), part(8, nothing), part(9, plugin)]
}
