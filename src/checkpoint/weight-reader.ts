// Reads tensors of files by their entries: safetensors, and files of torch.save, whose tensors need not lie in one piece.
import { UserError } from '../errors/index.js'
import { countEntries, type Interval, type StoredFormat } from '../kernels/index.js'
import type { OpenFile, TorchTensor } from '../torch/index.js'
import { decodeChecked } from './decode-checked.js'
import { BITS, countNonFinite, FLOATING, isFloating, notFinite } from './dtype.js'
import { gather, isContiguous } from './gather.js'
import { endsInside, readHeader, type TensorEntry } from './header.js'
import { openFile } from './made-file.js'

/** One read fills at most this much, so that it is converted and checked while it is in the cache. */
const CHUNK = 1 << 20
/** The same for a tensor whose entries are gathered: a part of few lines would read much of the storage for each. */
const GATHERED = 1 << 26

/** Bytes of a window of a tensor that is gathered. */
const WINDOW = 1 << 24

/** What a file of weights holds. */
interface WeightHeader {
  entries: TensorEntry[]
  /** Tensors that must be gathered. */
  views: TorchTensor[]
  /** Sentences for the user. */
  notes: string[]
}

/** @throws UserError as readHeader and readTorchFile */
export async function readWeightHeader(file: string): Promise<WeightHeader> {
  if (!/\.(bin|pt|pth)$/.test(file)) return { entries: (await readHeader(file)).entries, views: [], notes: [] }
  const { readTorchFile } = await import('../torch/index.js')
  const { tensors, notes } = await readTorchFile(file, openFile)
  const entries = tensors.map(({ name, dtype, shape, begin }) => ({
    ...{ name, dtype, shape, file, begin },
    end: begin + (countEntries(shape) * BITS[dtype]!) / 8,
  }))
  return { entries, views: tensors.filter((tensor) => tensor.negative || !isContiguous(tensor)), notes }
}

export interface WeightReader {
  /** Fills the target with bytes of a tensor, from one on. */
  fill(entry: TensorEntry, target: Uint8Array, from: number): Promise<void>
  /**
   * Float32, row-major: entries from … to − 1, read at one time; all when null, in chunks.
   * @throws UserError for a tensor that is not floating, or holds NaN or Inf
   */
  values(entry: TensorEntry, entries: Interval | null): Promise<Float32Array>
  close(): Promise<void>
}

/** Opens files when they are first read. @param views by name, tensors that must be gathered */
export function openWeightReader(views: ReadonlyMap<string, TorchTensor>): WeightReader {
  const handles = new Map<string, Promise<OpenFile>>()
  const handleOf = (file: string): Promise<OpenFile> => {
    const known = handles.get(file)
    if (known) return known
    const opening = openFile(file)
    handles.set(file, opening)
    opening.catch(() => handles.delete(file)) // said where it is awaited
    return opening
  }
  const window = openWindow()
  const fill: WeightReader['fill'] = async (entry, target, from) => {
    const handle = await handleOf(entry.file)
    const view = views.get(entry.name)
    if (!view) return fillFrom(handle, entry, target, entry.begin + from)
    const width = BITS[entry.dtype]! / 8
    const readAt = async (position: number, length: number) => {
      const part = new Uint8Array(length)
      await fillFrom(handle, entry, part, position)
      return part
    }
    const make = (begin: number, end: number) => gather(view, width, { from: begin / width, to: end / width }, readAt)
    target.set(await window(entry, { from, to: from + target.length }, make))
    // The sign is in the last byte.
    if (view.negative) for (let i = width - 1; i < target.length; i += width) target[i]! ^= 0x80
  }
  return {
    fill,
    values: (entry, entries) => readValues(fill, entry, { entries, step: views.has(entry.name) ? GATHERED : CHUNK }),
    async close() {
      const all = [...handles.values()]
      handles.clear()
      for (const opening of await Promise.allSettled(all))
        if (opening.status === 'fulfilled') await opening.value.close()
    },
  }
}

type MakeBytes = (from: number, to: number) => Promise<Uint8Array>

/**
 * Bytes that are gathered, with those behind them: blocks are asked for one after the other, and a block of few rows of a transposed matrix
 * is spread over all of its storage. The last window is kept.
 */
function openWindow(): (entry: TensorEntry, wanted: Interval, make: MakeBytes) => Promise<Uint8Array> {
  let kept: { name: string; from: number; to: number; bytes: Promise<Uint8Array> } | null = null
  return async ({ name, begin, end }, { from, to }, make) => {
    const isKept = kept !== null && kept.name === name && kept.from <= from && to <= kept.to
    // What is larger than a window is asked for as a whole, and once.
    if (!isKept && to - from >= WINDOW) return make(from, to)
    if (!isKept) {
      const last = Math.min(end - begin, from + WINDOW)
      kept = { name, from, to: last, bytes: make(from, last) }
    }
    const window = kept!
    return (await window.bytes).subarray(from - window.from, to - window.from)
  }
}

async function readValues(
  fill: WeightReader['fill'],
  entry: TensorEntry,
  { entries, step: most }: { entries: Interval | null; step: number },
): Promise<Float32Array> {
  const { name, dtype, file } = entry
  const where = `${file}: tensor ${JSON.stringify(name)}`
  if (!isFloating(dtype))
    throw new UserError(`${where} is ${dtype} and cannot be read as weights (can: ${FLOATING.join(', ')})`)
  const width = BITS[dtype]! / 8
  const { from, to } = entries ?? { from: 0, to: (entry.end - entry.begin) / width }
  const [begin, end] = [from * width, to * width]
  const step = entries ? end - begin : most
  const values = new Float32Array(to - from)
  const chunk = dtype === 'F32' ? null : new Uint8Array(Math.min(step, end - begin))
  let [count, first] = [0, -1]
  for (let at = begin; at < end; at += step) {
    const size = Math.min(step, end - at)
    const done = (at - begin) / width
    const part = values.subarray(done, done + size / width)
    const bytes = chunk ? chunk.subarray(0, size) : new Uint8Array(part.buffer, part.byteOffset, size)
    await fill(entry, bytes, at)
    if (decodeChecked(dtype as StoredFormat, bytes, part)) continue
    const bad = countNonFinite(part)
    if (bad.count && !count) first = done + bad.first
    count += bad.count
  }
  if (count) throw notFinite(where, values, { count, first }, from)
  return values
}

/** Reads exactly `target.length` bytes from `position`; a file that shrank since its header was read is reported. */
async function fillFrom(file: OpenFile, entry: TensorEntry, target: Uint8Array, position: number): Promise<void> {
  if ((await file.read(target, position)) < target.length) throw endsInside(entry.file, entry.name)
}
