// Records of pieces that are stored with loss → what they say of the entries, a part at a time, so that all work on a part stays in the
// cache. docs/delta-format.md describes the bytes.
import { type BandHead, type Bands, bandRowsBytes, readBandHead, readBandRows } from './bands.js'
import { readGrids } from './grids.js'
import { type LossyForm, type LossyPlace, lossyBytes, lossyHeadBytes, matricesIn, rowsIn } from './lossy-form.js'
import type { Seeds } from './seeds.js'
import { BadLossy, endOf, type PlacedRecord, readSparse } from './sparse.js'
import { decodeValues, VALUE_BYTES } from './values.js'
import { type Fill, Workspace } from './workspace.js'

/** Entries of a part, about. */
const PART = 1 << 15

/** What is read at the head of the first record of a tensor. */
export type LossyHead = readonly BandHead[] | Float32Array

/** What a record says. */
export type LossyReading = { step: number; end: number } & (
  | /** The delta, in parts of `step` entries and in their order. */ { fill: Fill }
  | /** Weights that take the places of the base's. */ { replace(to: number): void }
  | /** What is added to the base, entry by entry. */ { seeds: Seeds & { tensor: string } }
)

/** @param head of the tensor @throws BadLossy, BadValue */
export function readLossy(
  form: LossyForm,
  place: LossyPlace,
  record: PlacedRecord,
  { head, space }: { head: LossyHead; space: Workspace },
): LossyReading {
  const { size, columns } = place
  const step = PART
  if (form.form === 'bitmask' || form.form === 'index' || form.form === 'drawn')
    return { step, ...readSparse(form, place, record, space) }
  const end = endOf(record, lossyBytes(form, place)!)
  switch (form.form) {
    case 'seeds':
      return { step, end, seeds: { ...form, scalars: head as Float32Array } }
    case 'bands': {
      // Products are made of so many rows at once.
      const rows = space.kernels.gemmPanel(false)
      const step = Math.min(size, columns * rows * Math.ceil(PART / columns / rows))
      return { step, end, fill: readBands(form, place, { ...record, step }, { head, space }) }
    }
    case 'bits':
      return { step, end, fill: readGrids({ at: record.at, rows: size / columns }, form, space) }
    case 'dense': {
      const { values } = form
      return {
        ...{ step, end },
        fill: (first, count, to) => space.decode(values, record.at + first * VALUE_BYTES[values], count, to),
      }
    }
    default:
      return { step, end, fill: readSigns(place, record.at, space) }
  }
}

/** Entries of several runs, one behind the other: each fills its own, which it counts from 0. */
function joinRuns(runs: readonly { size: number; fill: Fill }[]): Fill {
  return (first, count, to) => {
    let begin = 0
    for (const { size, fill } of runs) {
      const [from, end] = [Math.max(first, begin), Math.min(first + count, begin + size)]
      if (from < end) fill(from - begin, end - from, to + 4 * (from - first))
      begin += size
    }
  }
}

function readBands(
  form: Bands & { form: 'bands' },
  place: LossyPlace,
  { at, step }: PlacedRecord & { step: number },
  { head, space }: { head: LossyHead; space: Workspace },
): Fill {
  const { columns } = place
  const scratch = space.take(space.kernels.gemmScratch())
  const part = space.take(form.bands.length > 1 ? 4 * step : 0)
  let from = at + (place.from === 0 ? lossyHeadBytes(form, place) : 0)
  const runs = rowsIn(place).map(({ matrix, rows }) => {
    const placed = { at: from, rows, columns, scratch, part }
    const fill = readBandRows(form, (head as readonly BandHead[])[matrix]!, placed, space)
    from += bandRowsBytes(form, rows)
    return { size: rows * columns, fill }
  })
  return joinRuns(runs)
}

function readSigns(place: LossyPlace, at: number, space: Workspace): Fill {
  const { from, size, matrix } = place
  const { first, count } = matricesIn(place)
  const magnitudes = space.take(4 * count)
  space.decode('F32', at, count, magnitudes)
  let begin = 0
  const runs = Array.from(space.floats(magnitudes, count), (magnitude, m) => {
    const next = (first + m + 1) * matrix
    const run = { begin, size: Math.min(from + size, next) - Math.max(from, next - matrix) }
    begin += run.size
    const fill: Fill = (i, entries, to) =>
      space.kernels.spreadSigns(at + 4 * count, run.begin + i, entries, magnitude, to)
    return { size: run.size, fill }
  })
  return joinRuns(runs)
}

/** For what is read outside of a machine. */
let own: Workspace | undefined

/** @throws BadLossy, BadValue */
export function decodeLossyHead(form: LossyForm, place: LossyPlace, head: Uint8Array): LossyHead {
  const bytes = lossyHeadBytes(form, place)
  if (head.length < bytes) throw new BadLossy()
  if (form.form === 'seeds') return decodeValues(head.subarray(0, bytes), 'F32')
  if (form.form !== 'bands') return []
  own ??= new Workspace()
  own.clear()
  const [at, count, space] = [own.put(head), place.all / place.matrix, own]
  return Array.from({ length: count }, (_, m) => readBandHead(form, at + (m * bytes) / count, place.columns, space))
}
