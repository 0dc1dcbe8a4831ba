// Opens a Hugging Face checkpoint folder by its headers: config, names, shapes and byte ranges first, weights one tensor at a
// time when asked for.
import { existsSync, readdirSync } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UserError, unknown } from '../errors/index.js'
import { interruptedAt, PARTIAL, stateOf } from '../files/index.js'
import type { Interval, StoredFormat } from '../kernels/index.js'
import { readObject, readText } from '../schema/index.js'
import { type Checkpoint, INDEX, SINGLE } from './checkpoint.js'
import type { Stored } from './coded.js'
import { decodeChecked } from './decode-checked.js'
import { decodeCheckpoint } from './decoded.js'
import { BITS, countNonFinite, FLOATING, isFloating, notFinite } from './dtype.js'
import { hashFile } from './hash.js'
import { endsInside, readHeader, type TensorEntry } from './header.js'
import { followTies } from './tied.js'

/** One read fills at most this much, so that it is converted and checked while it is in the cache. */
const CHUNK = 1 << 20

/** Opens a folder with config.json and model.safetensors (or the sharded index). Reads headers only. */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  await checkFolder(folder)
  const path = join(folder, 'config.json')
  const configText = existsSync(path) ? readText(path) : null
  const config = configText === null ? null : readObject(path)
  const shards = await listShards(folder)
  const tensors = await readTensors(folder, shards)
  const stored = openStored({ folder, config, configText, tensors }, [...shards.keys()])
  try {
    return await followTies(await decodeCheckpoint(stored.checkpoint, stored.bytes))
  } catch (error) {
    await stored.checkpoint.close()
    throw error
  }
}

/** @throws UserError for a folder that is not there, a file, and what an interrupted run left behind */
async function checkFolder(folder: string): Promise<void> {
  const info = await stat(folder).catch(() => null)
  if (!info) {
    const why = await interruptedAt(resolve(folder))
    throw new UserError(`${folder}: no such checkpoint folder${why === null ? '' : `: ${why}`}`)
  }
  if (!info.isDirectory()) throw new UserError(`${folder}: not a folder; give the folder that holds ${SINGLE}`)
  if (basename(folder).includes(PARTIAL) && (await stateOf(folder)) !== 'complete')
    throw new UserError(`${folder}: the unfinished output of an interrupted run; start that run again`)
}

/** The entries of all files by name. @throws UserError where files and index disagree */
async function readTensors(
  folder: string,
  shards: ReadonlyMap<string, ReadonlySet<string> | null>,
): Promise<Map<string, TensorEntry>> {
  const tensors = new Map<string, TensorEntry>()
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
  return tensors
}

/** The folder as it is stored: nothing decoded, nothing tied. `bytes` reads bytes from … to − 1 of a tensor. */
function openStored(
  parts: Pick<Checkpoint, 'folder' | 'config' | 'configText' | 'tensors'>,
  shards: readonly string[],
): { checkpoint: Checkpoint; bytes: Stored['bytes'] } {
  const { folder, config, tensors } = parts
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
  const checkpoint: Checkpoint = {
    ...parts,
    tied: new Map(),
    notes: [],
    read: async (name) => {
      const entry = entryOf(name)
      return readValues(await handleOf(entry.file), entry, null)
    },
    readEntries: async (name, entries) => {
      const entry = entryOf(name)
      return readValues(await handleOf(entry.file), entry, entries)
    },
    readBytes: (name) => bytes(name),
    place: (name) => {
      const { file, begin, dtype } = entryOf(name)
      return { file, begin, dtype }
    },
    hashes: async (hash = hashFile) => {
      const files = [...(config ? ['config.json'] : []), ...shards]
      return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await hash(join(folder, file))])))
    },
    close: async () => {
      for (const handle of handles.values()) await (await handle).close()
      handles.clear()
    },
  }
  return { checkpoint, bytes }
}

/** @param entries that are read, at one time; null for all, in chunks */
async function readValues(handle: FileHandle, entry: TensorEntry, entries: Interval | null): Promise<Float32Array> {
  const { name, dtype, file } = entry
  const where = `${file}: tensor ${JSON.stringify(name)}`
  if (!isFloating(dtype))
    throw new UserError(`${where} is ${dtype} and cannot be read as weights (can: ${FLOATING.join(', ')})`)
  const width = BITS[dtype]! / 8
  const { from, to } = entries ?? { from: 0, to: (entry.end - entry.begin) / width }
  const [begin, end] = [entry.begin + from * width, entry.begin + to * width]
  const step = entries ? end - begin : CHUNK
  const values = new Float32Array(to - from)
  const chunk = dtype === 'F32' ? null : new Uint8Array(Math.min(step, end - begin))
  let [count, first] = [0, -1]
  for (let at = begin; at < end; at += step) {
    const size = Math.min(step, end - at)
    const done = (at - begin) / width
    const part = values.subarray(done, done + size / width)
    const bytes = chunk ? chunk.subarray(0, size) : new Uint8Array(part.buffer, part.byteOffset, size)
    await fill(handle, bytes, at, entry)
    if (decodeChecked(dtype as StoredFormat, bytes, part)) continue
    const bad = countNonFinite(part)
    if (bad.count && !count) first = done + bad.first
    count += bad.count
  }
  if (count) throw notFinite(where, values, { count, first }, from)
  return values
}

/** Reads exactly `target.length` bytes from `position`; a file that shrank since its header was read is reported. */
async function fill(handle: FileHandle, target: Uint8Array, position: number, entry: TensorEntry): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await handle.read(target, done, Math.min(target.length - done, 1 << 30), position + done)
    if (!bytesRead) throw endsInside(entry.file, entry.name)
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
