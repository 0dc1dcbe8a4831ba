// A Hugging Face checkpoint folder, opened by its headers: config, names, shapes and byte ranges first, weights one tensor at
// a time when asked for.
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UserError, unknown } from '../errors/index.js'
import { interruptedAt, PARTIAL } from '../files/leftovers.js'
import { stateOf } from '../files/manifest.js'
import { checkFile, readObject, readText } from '../schema/index.js'
import { decodeCheckpoint } from './decoded.js'
import {
  allFinite,
  BITS,
  countNonFinite,
  decode,
  FLOATING,
  isFloating,
  notFinite,
  type WritableDtype,
} from './dtype.js'
import { readHeader, type TensorEntry } from './header.js'
import { followTies } from './tied.js'

export const SINGLE = 'model.safetensors'
export const INDEX = 'model.safetensors.index.json'

export interface Checkpoint {
  folder: string
  /** config.json, without what it says of a quantisation; null when the folder has none. */
  config: Record<string, unknown> | null
  /** Its text, in which numbers are spelled as its writer did. */
  configText: string | null
  /** Stored copies of tied weights → the tensor they copy. */
  tied: ReadonlyMap<string, string>
  /** Sentences for the user on how the files were understood, where that is not plain. */
  notes: readonly string[]
  tensors: ReadonlyMap<string, TensorEntry>
  /** The weights as float32, row-major. Throws a UserError for a non-floating tensor, and for NaN or Inf. */
  read(name: string): Promise<Float32Array>
  /**
   * The same for rows from … to − 1 of the first axis (all when null), asked for in one request: the bytes arrive while the
   * caller computes.
   */
  readRows(name: string, rows: { from: number; to: number } | null): Promise<Float32Array>
  /** The stored bytes, as they are. */
  readBytes(name: string): Promise<Uint8Array>
  /** SHA-256 of config.json and of every weight file, by file name. */
  hashes(): Promise<Record<string, string>>
  close(): Promise<void>
  /** For a quantised folder: how many weights are decoded, and from what. */
  decoded?: string | undefined
}

/** One read fills at most this much, so that it is converted and checked while it is in the cache. */
const CHUNK = 1 << 20

/** Opens a folder with config.json and model.safetensors (or the sharded index). Reads headers only. */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  const info = await stat(folder).catch(() => null)
  if (!info) {
    const why = await interruptedAt(resolve(folder))
    throw new UserError(`${folder}: no such checkpoint folder${why === null ? '' : `: ${why}`}`)
  }
  if (!info.isDirectory()) throw new UserError(`${folder}: not a folder; give the folder that holds ${SINGLE}`)
  if (basename(folder).includes(PARTIAL) && (await stateOf(folder)) !== 'complete')
    throw new UserError(`${folder}: the unfinished output of an interrupted run; delete it and run again`)

  const path = join(folder, 'config.json')
  const configText = existsSync(path) ? readText(path) : null
  const config = configText === null ? null : readObject(path)
  const tensors = new Map<string, TensorEntry>()
  const shards = await listShards(folder)
  for (const [shard, expected] of shards) {
    const file = join(folder, shard)
    const { entries } = await readHeader(file)
    for (const entry of entries) {
      const other = tensors.get(entry.name)
      if (other) throw new UserError(`${file}: tensor ${JSON.stringify(entry.name)} is also in ${other.file}`)
      if (expected && !expected.has(entry.name))
        throw new UserError(`${file}: tensor ${JSON.stringify(entry.name)} is not listed for this file in ${INDEX}`)
      tensors.set(entry.name, entry)
    }
    for (const name of expected ?? []) {
      if (!entries.some((entry) => entry.name === name))
        throw new UserError(`${file}: tensor ${JSON.stringify(name)} of ${INDEX} is missing`)
    }
  }

  const handles = new Map<string, Promise<FileHandle>>()
  const handleOf = (file: string): Promise<FileHandle> => {
    if (!handles.has(file)) handles.set(file, open(file))
    return handles.get(file)!
  }
  const entryOf = (name: string): TensorEntry => {
    const entry = tensors.get(name)
    if (!entry) throw unknown(`tensor in ${folder}`, name, [...tensors.keys()])
    return entry
  }
  const bytes = async (name: string, from?: number, to?: number): Promise<Uint8Array> => {
    const entry = entryOf(name)
    const begin = entry.begin + (from ?? 0)
    const target = new Uint8Array(entry.begin + (to ?? entry.end - entry.begin) - begin)
    await fill(await handleOf(entry.file), target, begin, entry)
    return target
  }
  const stored: Checkpoint = {
    folder,
    config,
    configText,
    tensors,
    tied: new Map(),
    notes: [],
    read: async (name) => {
      const entry = entryOf(name)
      return readValues(await handleOf(entry.file), entry)
    },
    readRows: async (name, rows) => {
      const entry = entryOf(name)
      const stride = (entry.end - entry.begin) / (entry.shape[0] ?? 1)
      const part = rows
        ? { ...entry, begin: entry.begin + rows.from * stride, end: entry.begin + rows.to * stride }
        : entry
      return readValues(await handleOf(entry.file), part, part.end - part.begin)
    },
    readBytes: (name) => bytes(name),
    hashes: async () => {
      const files = [...(config ? ['config.json'] : []), ...shards.keys()]
      const digests: Record<string, string> = {}
      for (const file of files) digests[file] = await hashFile(join(folder, file))
      return digests
    },
    close: async () => {
      for (const handle of handles.values()) await (await handle).close()
      handles.clear()
    },
  }
  try {
    return await followTies(await decodeCheckpoint(stored, bytes))
  } catch (error) {
    await stored.close()
    throw error
  }
}

async function readValues(handle: FileHandle, entry: TensorEntry, step = CHUNK): Promise<Float32Array> {
  const { name, dtype, file, begin, end } = entry
  const where = `${file}: tensor ${JSON.stringify(name)}`
  if (!isFloating(dtype))
    throw new UserError(`${where} is ${dtype} and cannot be read as weights (can: ${FLOATING.join(', ')})`)
  const width = BITS[dtype]! / 8
  const values = new Float32Array((end - begin) / width)
  const chunk = dtype === 'F32' ? null : new Uint8Array(Math.min(step, end - begin))
  let [count, first] = [0, -1]
  for (let at = begin; at < end; at += step) {
    const size = Math.min(step, end - at)
    const done = (at - begin) / width
    const part = values.subarray(done, done + size / width)
    const bytes = chunk ? chunk.subarray(0, size) : new Uint8Array(part.buffer, part.byteOffset, size)
    await fill(handle, bytes, at, entry)
    if (chunk) decode(dtype, bytes, part)
    if (dtype !== 'F64' && allFinite(dtype as WritableDtype, bytes)) continue
    const bad = countNonFinite(part)
    if (bad.count && !count) first = done + bad.first
    count += bad.count
  }
  if (count) throw notFinite(where, values, { count, first })
  return values
}

/** Reads exactly `target.length` bytes from `position`; a file that shrank since its header was read is reported. */
async function fill(handle: FileHandle, target: Uint8Array, position: number, entry: TensorEntry): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await handle.read(target, done, Math.min(target.length - done, 1 << 30), position + done)
    if (!bytesRead)
      throw new UserError(
        `${entry.file}: ends inside tensor ${JSON.stringify(entry.name)}: the file changed while it was read`,
      )
    done += bytesRead
  }
}

/** peft keeps adapters of other names than `default` in folders of their own. */
function nestedAdapter(folder: string): string {
  const found = readdirSync(folder).find((name) => existsSync(join(folder, name, 'adapter_config.json')))
  return found === undefined ? '' : `; an adapter lies in ${join(folder, found)}: give that folder`
}

/** Weight files of the folder → the names each must hold (null for a single file, which lists itself). */
async function listShards(folder: string): Promise<Map<string, Set<string> | null>> {
  const exists = (name: string): Promise<boolean> =>
    stat(join(folder, name)).then(
      () => true,
      () => false,
    )
  if (await exists(SINGLE)) return new Map([[SINGLE, null]])
  const path = join(folder, INDEX)
  if (!(await exists(INDEX))) {
    const hint = (await exists('adapter_config.json'))
      ? '; it is an adapter: merge it into its base model first'
      : (await exists('pytorch_model.bin'))
        ? '; convert pytorch_model.bin to safetensors first'
        : (await readdir(folder)).some((name) => name.endsWith('.gguf'))
          ? '; a GGUF file is not read: convert it to safetensors first'
          : nestedAdapter(folder)
    throw new UserError(`${folder}: neither ${SINGLE} nor ${INDEX} is there${hint}`)
  }
  const map = readObject(path).weight_map
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new UserError(`${path}: weight_map is not an object of tensor name → file`)
  const shards = new Map<string, Set<string>>()
  for (const [name, file] of Object.entries(map)) {
    if (
      typeof file !== 'string' ||
      file !== basename(file) ||
      file.includes('\\') ||
      file.includes('\0') ||
      /^\.{0,2}$/.test(file)
    ) {
      throw new UserError(
        `${path}: tensor ${JSON.stringify(name)}: shard ${JSON.stringify(file)} leaves the folder; a plain file name is expected`,
      )
    }
    if (!shards.has(file)) {
      if (!(await exists(file))) throw new UserError(`${path}: shard ${JSON.stringify(file)} is missing`)
      shards.set(file, new Set())
    }
    shards.get(file)!.add(name)
  }
  if (!shards.size) throw new UserError(`${path}: weight_map is empty`)
  return shards
}

/** SHA-256 of a file, hexadecimal. */
export async function hashFile(file: string): Promise<string> {
  checkFile(file)
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk)
  return hash.digest('hex')
}
