// A file of torch.save (pytorch_model.bin): which tensors it holds, and where their numbers lie. Nothing of it is run, and no number is
// read. Forms: a zip of records (torch 1.6 and later), and five pickles in a row (before that).
import { firstFew, printable, UserError } from '../errors/index.js'
import { checkFile, KIND_BYTES, kindOfBytes } from '../schema/index.js'
import { type FindStorage, meaningOf, TorchStorage } from './meaning.js'
import { OutOfBytes, type Pickled, unpickle } from './pickle.js'
import type { OpenFile, ReadAt } from './read-at.js'
import { stateDictOf } from './state-dict.js'
import { readZip } from './zip.js'

/** A tensor in a file of torch.save: a view of a storage. */
export interface TorchTensor {
  name: string
  /** As safetensors names it. */
  dtype: string
  shape: number[]
  /** Steps from entry to entry along each axis, in entries. */
  stride: number[]
  /** Byte of its first entry in the file. */
  begin: number
  /** Whether its values are the negatives of what is stored. */
  negative: boolean
}

/** Bytes that a tensor may have beyond the size of its file. */
const MOST_REPEATED = 256e6

/** The longest pickle: a state dict has some hundred bytes for each tensor. */
const MOST_PICKLE = 256e6

const MAGIC = Buffer.from('1950a86a20f9469cfc6c', 'hex').reverse()

/** What a file of torch.save holds. */
interface TorchContent {
  tensors: TorchTensor[]
  /** Sentences for the user on what was chosen, or passed over. */
  notes: string[]
}

/**
 * The tensors of a file.
 * @param open how it is opened
 * @throws UserError for a file that is none of torch.save, is damaged, or holds what is not a tensor or a plain value
 */
export async function readTorchFile(file: string, open: (path: string) => Promise<OpenFile>): Promise<TorchContent> {
  checkFile(file)
  const opened = await open(file)
  try {
    const { size } = opened
    const readAt: ReadAt = async (position, length) => {
      const bytes = Buffer.alloc(length)
      if ((await opened.read(bytes, position)) < length) throw new UserError(`${file}: ends too early: truncated?`)
      return bytes
    }
    const start = Buffer.from(await readAt(0, Math.min(size, KIND_BYTES)))
    const dict = start.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1'))
      ? await readZipped(file, size, readAt)
      : await readLegacy(file, size, start, readAt)
    return contentOf(file, dict, size)
  } finally {
    await opened.close()
  }
}

async function readZipped(file: string, size: number, readAt: ReadAt): Promise<Pickled> {
  const records = await readZip(file, size, readAt)
  const names = [...records.keys()]
  const main = names.find((name) => name.endsWith('/data.pkl'))
  if (names.some((name) => name.includes('/code/')))
    throw new UserError(
      `${file}: a program of TorchScript (torch.jit.save); save its weights: torch.save(torch.jit.load(…).state_dict(), …)`,
    )
  if (main === undefined) throw new UserError(`${file}: a zip file without data.pkl: not written by torch.save`)
  const packed = names.find((name) => records.get(name)!.isPacked)
  if (packed !== undefined)
    throw new UserError(
      `${file}: its record ${JSON.stringify(packed)} is compressed; torch.save stores them as they are`,
    )
  const folder = main.slice(0, -'data.pkl'.length)
  const order = records.get(`${folder}byteorder`)
  if (order && Buffer.from(await readAt(order.begin, Math.min(order.size, 8))).toString() !== 'little')
    throw new UserError(`${file}: its numbers are big-endian; save it again on a little-endian machine`)
  const storages = new Map<string, TorchStorage>()
  const load = (type: string, key: string, count: number): TorchStorage => {
    const known = storages.get(key)
    if (known) return known
    const record = records.get(`${folder}data/${key}`)
    if (!record) throw new UserError(`${file}: its record data/${printable(key)} is missing`)
    const storage = new TorchStorage(type, count)
    storage.begin = record.begin
    if (storage.bytes > record.size)
      throw new UserError(`${file}: its record data/${key} has ${record.size} bytes, and ${storage.bytes} are needed`)
    storages.set(key, storage)
    return storage
  }
  const { begin, size: length } = records.get(main)!
  return unpickle(await pickleAt(file, begin, length, readAt), meaningOf(file, load), file).value
}

async function pickleAt(file: string, begin: number, length: number, readAt: ReadAt): Promise<Uint8Array> {
  if (length > MOST_PICKLE) throw new UserError(`${file}: its pickle has ${length} bytes; a list of tensors has fewer`)
  return readAt(begin, length)
}

/** Five pickles (magic number, version, machine, object, keys of the storages), and then the storages, each behind its count. */
async function readLegacy(file: string, size: number, start: Buffer, readAt: ReadAt): Promise<Pickled> {
  if (!isLegacy(start)) throw new UserError(`${file}: ${describeOther(start)}`)
  const storages = new Map<string, TorchStorage>()
  const load = (type: string, key: string, count: number): TorchStorage => {
    const storage = storages.get(key) ?? new TorchStorage(type, count)
    storages.set(key, storage)
    return storage
  }
  // The pickles are short beside the numbers, and their length stands nowhere: read more until they are whole.
  for (let length = Math.min(size, 1 << 20); ; length = Math.min(size, 2 * length)) {
    const bytes = await pickleAt(file, 0, Math.min(length, MOST_PICKLE), readAt)
    const read = tryLegacy(file, bytes, load)
    if (!read) {
      if (length === size || length >= MOST_PICKLE)
        throw new UserError(`${file}: its pickles end too early: truncated?`)
      storages.clear()
      continue
    }
    await placeStorages(file, { size, at: read.end, keys: read.keys, storages }, readAt)
    return read.dict
  }
}

/** Null where the bytes end before the pickles do. */
function tryLegacy(
  file: string,
  bytes: Uint8Array,
  load: FindStorage,
): { dict: Pickled; keys: string[]; end: number } | null {
  try {
    let at = 0
    const values: Pickled[] = []
    for (let i = 0; i < 5; i++) {
      const { value, end } = unpickle(bytes, meaningOf(file, load), file, at)
      values.push(value)
      at = end
    }
    const [, , machine, dict, keys] = values
    if (machine instanceof Map && machine.get('little_endian') === false)
      throw new UserError(`${file}: its numbers are big-endian; save it again on a little-endian machine`)
    if (!Array.isArray(keys)) throw new UserError(`${file}: the list of its storages is missing`)
    return { dict: dict!, keys: keys.map(String), end: at }
  } catch (error) {
    if (error instanceof OutOfBytes) return null
    throw error
  }
}

async function placeStorages(
  file: string,
  {
    size,
    at,
    keys,
    storages,
  }: { size: number; at: number; keys: readonly string[]; storages: Map<string, TorchStorage> },
  readAt: ReadAt,
): Promise<void> {
  for (const key of keys) {
    const storage = storages.get(key)
    const count = Number(Buffer.from(await readAt(at, 8)).readBigInt64LE())
    if (!storage) throw new UserError(`${file}: storage ${printable(key)} belongs to no tensor`)
    if (count !== storage.count)
      throw new UserError(`${file}: storage ${printable(key)} has ${count} numbers, and ${storage.count} are needed`)
    storage.begin = at + 8
    at += 8 + storage.bytes
    if (at > size) throw new UserError(`${file}: ends inside storage ${printable(key)}: truncated?`)
  }
}

/** From protocol 4 on, a frame stands before the number. */
const isLegacy = (start: Buffer): boolean => start[0] === 0x80 && [4, 13].includes(start.indexOf(MAGIC))

/** What a file is that torch.save did not write. */
function describeOther(start: Buffer): string {
  if (start.toString('latin1', 257, 262) === 'ustar')
    return 'is a torch file from before 0.1.10, which is not read: save it again with a later torch'
  if (start[0] === 0x80) return 'is a pickle that torch.save did not write, and is not opened'
  return kindOfBytes(start, 'torch') ?? 'is not a file of torch.save'
}

/** The tensors of a state dict, or of the one inside what a trainer wrote beside other values. */
function contentOf(file: string, value: Pickled, size: number): TorchContent {
  const { views, others, notes } = stateDictOf(file, value)
  const odd = others.find(([, { tensor }]) => tensor !== undefined)
  if (odd)
    throw new UserError(
      `${file}: tensor ${printable(odd[0])} is ${odd[1].tensor}, which is not read; save the state dict with torch without it, or as a plain tensor`,
    )
  const tensors = views.map(([name, { parts }]) => {
    const { storage, dtype, offset, shape, stride, negative } = parts
    const [word, width] = dtype
    // Entries may be repeated by a stride of 0, but no weights are many times their file.
    if (shape.reduce((product, side) => product * side, width) > size + MOST_REPEATED)
      throw new UserError(`${file}: tensor ${printable(name)} of shape [${shape.join(', ')}] is larger than its file`)
    return { name, dtype: word, shape, stride, begin: storage.begin + offset * width, negative }
  })
  const passed = others.map(([name, { name: type }]) => `${printable(name)} (${printable(type)})`)
  if (passed.length) notes.push(`${file}: passed over, as they are no tensors: ${firstFew(passed, 4)}`)
  return { tensors, notes }
}
