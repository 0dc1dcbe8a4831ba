// The memory of a machine: strips of a tensor, buffers from the bottom, and values that stay from the top.
import type { PassAnswer } from './answer.js'
import { BracketTable, MOST_BRACKET_BYTES } from './bracket.js'
import { CHECKSUM_BYTES } from './checksum.js'
import { clearComparison, comparisonBytes, packComparison, SUMS } from './comparison.js'
import type { Kernels } from './module.js'
import { GATHERED } from './output.js'
import type { Reduction, TensorPass } from './pass.js'

/** Entries of a strip, about. */
const STRIP = 1 << 14
/** Bytes of an input that are read at a time, where strips are shorter and follow each other. */
const READ = 1 << 17

/** Buffers end with this much room, because kernels work on whole vectors. */
export const PADDING = 64

/** Space of the kernels that rank, besides that of each column: assembly/prune.ts. */
const SPACE = 32 + 8 * ((1 << 14) + 2) + 4096

/** Rows up to this length are never cut. */
export const LONGEST_ROW = 1 << 20

/** Entries of a strip of a tensor whose rows have so many columns: whole rows. It depends on nothing else. */
export const stripOf = (columns: number): number =>
  columns > LONGEST_ROW ? STRIP : columns * Math.max(1, Math.floor(STRIP / columns))

/**
 * Strips of so many entries that are read at once. Kernels read whole vectors, and find zeros behind the last entry: a strip that ends within
 * a vector is read alone.
 */
export const stripsAtOnce = (strip: number, width: number): number =>
  strip % 16 ? 1 : Math.max(1, Math.floor(READ / (strip * width)))

/** Entries that a strip of these takes in memory. */
export const slotOf = (strip: number): number => Math.ceil(strip / 16) * 16

/** Bytes of the choices of a strip: a bit for each entry. Words are copied faster than bytes. */
export const choiceBytes = (strip: number): number => 8 * Math.ceil(strip / 64)

/**
 * Bytes that keep the choices of a tensor: one for each strip says whether its choices are there, and these lie behind. To read a page of
 * memory before it is written would take all processors several times as long, because they forget together where it was.
 */
export function choicesBytes(size: number, strip: number): { marks: number; all: number } {
  const strips = Math.ceil(size / strip)
  const marks = 8 * Math.ceil(strips / 8)
  return { marks, all: marks + strips * choiceBytes(strip) }
}

/** Bytes that the values of a tensor take that stay in memory. */
export const residentBytes = (size: number, strip: number, models: number): number =>
  4 * Math.ceil(size / strip) * slotOf(strip) * models + PADDING

/** Bytes that a pass needs besides, at most: buffers of one strip; for each model lists near two thresholds, and a table of ranks. */
export const workingBytes = (strip: number, columns: number, models: number): number =>
  (models + 6) * (8 * slotOf(strip) + PADDING) +
  (2 * models + 2) * MOST_BRACKET_BYTES +
  (models + 2) * 16 * Math.min(columns, LONGEST_ROW) +
  (models + 1) * READ +
  (1 << 17) +
  GATHERED +
  SPACE

/** Addresses of the buffers of one pass. */
export interface Buffers {
  base: number
  post: number
  input: number
  /** One for each model. */
  values: number[]
  /** Bytes of the base and of each model as they are stored. */
  stored: number[]
  /** What was chosen at random, a bit for each entry. */
  bits: number
  /** Bytes that are written. */
  written: number
  result: number
  draws: number
  /** Tables of the reductions, and of the stages of each model. */
  bins: number[]
  tables: number[][]
  space: number
  /** The checksum of what is written. */
  state: number
  /** Those of what is read, of the base first. */
  sums: number
  /** Parameters of the combination. */
  parameters: number
}

/** Bytes of what memory consists of, and grows by. */
export const PAGE = 1 << 16
export const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE)

/** Lays out the memory: buffers from the bottom, values that stay from the top. @param room bytes that the memory may grow to */
export function placeBuffers(memory: WebAssembly.Memory, room: number, pass: TensorPass): Buffers {
  let end = 1024
  const take = (bytes: number): number => {
    const address = end
    end = Math.ceil((end + bytes + PADDING) / 64) * 64
    return address
  }
  const strip = 4 * slotOf(pass.strip)
  const stay = pass.resident ? residentBytes(pass.size, pass.strip, pass.models.length) : 0
  const top = room - stay
  const buffers = {
    state: take(CHECKSUM_BYTES),
    sums: take(CHECKSUM_BYTES * (pass.models.length + 1)),
    base: take(strip),
    post: take(strip),
    input: take(strip),
    values: pass.models.map((_, i) =>
      pass.resident ? top + (i * (stay - PADDING)) / pass.models.length : take(strip),
    ),
    stored: [pass.base, ...pass.models].map(() => take(Math.max(READ, 2 * strip))),
    bits: take(choiceBytes(pass.strip)),
    written: take(pass.write ? GATHERED + strip : 0),
    result: take(strip),
    draws: take(strip),
    bins: pass.reductions.map((each) => take(tableBytes(each, pass))),
    tables: pass.stages.map((list) => list.map((each) => (each.stage === 'prune' ? take(8 * each.limits.length) : 0))),
    space: take(SPACE + (pass.columns > LONGEST_ROW ? 0 : 16 * pass.columns)),
    parameters: take(20 * pass.models.length),
  }
  if (end > top) throw new Error(`a pass needs ${end + stay} bytes and has ${room}`)
  const missing = pagesOf(stay ? room : end) - memory.buffer.byteLength / PAGE
  if (missing > 0) memory.grow(missing)
  new Uint8Array(memory.buffer, buffers.space, SPACE).fill(0)
  pass.reductions.forEach((each, i) => {
    if (each.sum === 'compare') clearComparison(memory, buffers.bins[i]!)
    if (each.sum === 'bracket') new BracketTable(pass, each.sample).clear(memory, buffers.bins[i]!)
  })
  pass.stages.forEach((list, i) =>
    list.forEach((each, k) => {
      if (each.stage !== 'prune') return
      new Int32Array(memory.buffer, buffers.tables[i]![k]).set(each.limits)
      if (each.factors)
        new Float32Array(memory.buffer, buffers.tables[i]![k]! + 4 * each.limits.length).set(each.factors)
    }),
  )
  return buffers
}

/** Numbers that `dots` gives for each strip. */
export const DOTS = 3

/** Numbers that a reduction gives for each strip; those that have a table alone, or find one entry, give them at the end. */
export const numbersOf = ({ sum }: Reduction): number =>
  sum === 'compare' ? SUMS : sum === 'dots' ? DOTS : sum === 'bracket' || sum === 'find' ? 0 : 1

/** Bytes of what a reduction keeps during a pass. */
const tableBytes = (each: Reduction, pass: TensorPass): number =>
  each.sum === 'compare'
    ? comparisonBytes(pass.strip)
    : each.sum === 'bracket'
      ? new BracketTable(pass, each.sample).bytes
      : 8 * numbersOf(each)

/**
 * The answer of a reduction of which something is in a table.
 * @param numbers those of the strips
 */
export function tableAnswer(
  each: Reduction,
  { pass, ...parts }: { pass: TensorPass; memory: WebAssembly.Memory; kernels: Kernels },
  address: number,
  numbers: PassAnswer,
): PassAnswer {
  if (each.sum === 'compare') return packComparison(parts, address, numbers as Float64Array)
  return each.sum === 'bracket' ? new BracketTable(pass, each.sample).answer(parts.memory, address) : numbers
}
