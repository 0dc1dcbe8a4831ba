// Opens a Hugging Face checkpoint folder by its headers: config, names, shapes and byte ranges first, weights one tensor at a
// time when asked for.
import { existsSync, readdirSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UserError, unknown } from '../errors/index.js'
import { interruptedAt, leftOut, PARTIAL, stateOf } from '../files/index.js'
import { hubHint } from '../hub/index.js'
import { readObject, readText } from '../schema/index.js'
import type { TorchTensor } from '../torch/index.js'
import { type Checkpoint, INDEX, SINGLE, TORCH_INDEX, TORCH_SINGLE } from './checkpoint.js'
import type { Stored } from './coded.js'
import { withComputed } from './computed-tensors.js'
import { decodeCheckpoint } from './decoded.js'
import { openGguf } from './gguf.js'
import { configOf } from './gguf-config.js'
import { hashFile } from './hash.js'
import type { TensorEntry } from './header.js'
import { followTies } from './tied.js'
import { openWeightReader, readWeightHeader } from './weight-reader.js'

/** Opens a folder with config.json and its weights: safetensors, or else those of torch.save. Reads headers only. */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  await checkFolder(folder)
  const path = join(folder, 'config.json')
  const configText = existsSync(path) ? readText(path) : null
  const config = configText === null ? null : readObject(path)
  const gguf = await findGguf(folder)
  if (gguf !== null) return openGgufFolder({ folder, config, configText }, gguf)
  const { shards, index } = await listShards(folder)
  const { tensors, gathered } = await readTensors(folder, shards, index)
  const stored = openStored({ folder, config, configText, tensors }, [...shards.keys()], gathered)
  try {
    return await followTies(await decodeCheckpoint(stored.checkpoint, stored.bytes))
  } catch (error) {
    await stored.checkpoint.close()
    throw error
  }
}

/** The GGUF file of a folder without other weights; null where there is none. @throws UserError for several */
async function findGguf(folder: string): Promise<string | null> {
  const there = await readdir(folder)
  const files = there.filter((name) => name.endsWith('.gguf')).sort()
  const others = [SINGLE, INDEX, TORCH_SINGLE, TORCH_INDEX, 'adapter_config.json']
  if (!files.length || others.some((name) => there.includes(name))) return null
  if (files.length > 1)
    throw new UserError(
      `${folder}: holds ${files.length} GGUF files (${files.slice(0, 4).join(', ')}${files.length > 4 ? ', …' : ''}); give a folder that holds one`,
    )
  return files[0]!
}

/** A folder whose weights are one GGUF file. What config.json does not say, because there is none, its fields say. */
async function openGgufFolder(
  { folder, config, configText }: Pick<Checkpoint, 'folder' | 'config' | 'configText'>,
  name: string,
): Promise<Checkpoint> {
  const gguf = await openGguf(join(folder, name))
  const tensors = new Map(gguf.entries.map((entry) => [entry.name, entry]))
  const said = config ?? configOf(gguf.file, tensors.has('lm_head.weight'))
  const { checkpoint, bytes } = openStored({ folder, config: said, configText, tensors }, [name], new Map())
  const types = [...gguf.types].map(([type, count]) => `${count} weights are decoded from ${type}`)
  return followTies({
    ...withComputed(checkpoint, gguf.shapes, (tensor, lines) => gguf.compute(tensor, lines, bytes)),
    notes: gguf.notes,
    decoded: types.length ? `${types.join(', ')} and count as BF16` : undefined,
  })
}

/** @throws UserError for a folder that is not there, a file, and what an interrupted run left behind */
async function checkFolder(folder: string): Promise<void> {
  const info = await stat(folder).catch(() => null)
  if (!info) {
    const why = (await interruptedAt(resolve(folder))) ?? leftOut(folder)
    throw new UserError(`${folder}: no such checkpoint folder${why === null ? hubHint(folder) : `: ${why}`}`)
  }
  if (!info.isDirectory()) throw new UserError(`${folder}: not a folder; give the folder that holds ${SINGLE}`)
  if (basename(folder).includes(PARTIAL) && (await stateOf(folder)) !== 'complete')
    throw new UserError(`${folder}: the unfinished output of an interrupted run; start that run again`)
}

/** The entries of all files by name, and those that must be gathered. @throws UserError where files and index disagree */
async function readTensors(
  folder: string,
  shards: ReadonlyMap<string, ReadonlySet<string> | null>,
  index: string,
): Promise<{ tensors: Map<string, TensorEntry>; gathered: Map<string, TorchTensor> }> {
  const tensors = new Map<string, TensorEntry>()
  const gathered = new Map<string, TorchTensor>()
  for (const [shard, expected] of shards) {
    const file = join(folder, shard)
    const { entries, views } = await readWeightHeader(file)
    for (const view of views) gathered.set(view.name, view)
    for (const entry of entries) {
      const other = tensors.get(entry.name)
      if (other) throw new UserError(`${file}: tensor ${JSON.stringify(entry.name)} is also in ${other.file}`)
      if (expected && !expected.has(entry.name))
        throw new UserError(`${file}: tensor ${JSON.stringify(entry.name)} is not listed for this file in ${index}`)
      tensors.set(entry.name, entry)
    }
    for (const name of expected ?? []) {
      if (!entries.some((entry) => entry.name === name))
        throw new UserError(`${file}: tensor ${JSON.stringify(name)} of ${index} is missing`)
    }
  }
  return { tensors, gathered }
}

/** The folder as it is stored: nothing decoded, nothing tied. `bytes` reads bytes from … to − 1 of a tensor. */
function openStored(
  parts: Pick<Checkpoint, 'folder' | 'config' | 'configText' | 'tensors'>,
  shards: readonly string[],
  gathered: ReadonlyMap<string, TorchTensor>,
): { checkpoint: Checkpoint; bytes: Stored['bytes'] } {
  const { folder, configText, tensors } = parts
  const reader = openWeightReader(gathered)
  const entryOf = (name: string): TensorEntry => {
    const entry = tensors.get(name)
    if (!entry) throw unknown(`tensor in ${folder}`, name, [...tensors.keys()])
    return entry
  }
  const bytes = async (name: string, from = 0, to?: number): Promise<Uint8Array> => {
    const entry = entryOf(name)
    const target = new Uint8Array((to ?? entry.end - entry.begin) - from)
    await reader.fill(entry, target, from)
    return target
  }
  const checkpoint: Checkpoint = {
    ...parts,
    tied: new Map(),
    notes: [],
    read: async (name) => reader.values(entryOf(name), null),
    readEntries: async (name, entries) => reader.values(entryOf(name), entries),
    readBytes: (name) => bytes(name),
    place: (name) => {
      const { file, begin, dtype } = entryOf(name)
      if (gathered.has(name)) return null
      return { file, begin, dtype }
    },
    hashes: async (hash = hashFile) => {
      const files = [...(configText === null ? [] : ['config.json']), ...shards]
      return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await hash(join(folder, file))])))
    },
    close: () => reader.close(),
  }
  return { checkpoint, bytes }
}

/** peft keeps adapters of other names than `default` in folders of their own. */
function nestedAdapter(folder: string): string {
  const found = readdirSync(folder).find((name) => existsSync(join(folder, name, 'adapter_config.json')))
  return found === undefined ? '' : `; an adapter lies in ${join(folder, found)}: give that folder`
}

interface Shards {
  /** Weight files → the names each must hold (null for a single file, which lists itself). */
  shards: Map<string, Set<string> | null>
  /** The file that lists them, or the single file. */
  index: string
}

/** @throws UserError for a folder without weights, and an index that no loader could follow */
async function listShards(folder: string): Promise<Shards> {
  const there = new Set(await readdir(folder))
  const single = [SINGLE, TORCH_SINGLE].find((name) => there.has(name) && (name === SINGLE || !there.has(INDEX)))
  if (single) return { shards: new Map([[single, null]]), index: single }
  const index = [INDEX, TORCH_INDEX].find((name) => there.has(name))
  if (!index)
    throw new UserError(
      `${folder}: no weights are there: neither ${SINGLE} nor ${TORCH_SINGLE}, nor the index of either${hintOn(folder, there)}`,
    )
  const path = join(folder, index)
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
      if (!there.has(file)) throw new UserError(`${path}: shard ${JSON.stringify(file)} is missing`)
      shards.set(file, new Set())
    }
    shards.get(file)!.add(name)
  }
  if (!shards.size) throw new UserError(`${path}: weight_map is empty`)
  return { shards, index }
}

/** What a folder without readable weights holds instead. */
function hintOn(folder: string, there: ReadonlySet<string>): string {
  if (there.has('adapter_config.json')) return '; it is an adapter: merge it into its base model first'
  return nestedAdapter(folder)
}
