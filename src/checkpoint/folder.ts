// Opens a Hugging Face checkpoint folder by its headers: config, names, shapes and byte ranges first, weights one tensor at a
// time when asked for.
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { interruptedAt, leftOut, PARTIAL, stateOf } from '../files/index.js'
import { hubHint } from '../hub/index.js'
import { readObject, readText } from '../schema/index.js'
import type { TorchTensor } from '../torch/index.js'
import { type Checkpoint, INDEX, SINGLE, TORCH_INDEX, TORCH_SINGLE } from './checkpoint.js'
import { decodeCheckpoint } from './decoded.js'
import { describeFile, describeFolder } from './foreign.js'
import { findGguf, openGgufModel } from './gguf-model.js'
import type { TensorEntry } from './header.js'
import { openStored } from './stored.js'
import { followTies } from './tied.js'
import { readWeightHeader } from './weight-reader.js'

/** Opens a folder with config.json and its weights: safetensors, or else those of torch.save. Reads headers only. */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  const gguf = await findGguf(folder)
  if (gguf !== null) return openGgufModel(folder, gguf)
  await checkFolder(folder)
  const path = join(folder, 'config.json')
  const configText = existsSync(path) ? readText(path) : null
  const config = configText === null ? null : readObject(path)
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

/** @throws UserError for a folder that is not there, a file, and what an interrupted run left behind */
async function checkFolder(folder: string): Promise<void> {
  const info = await stat(folder).catch(() => null)
  if (!info) {
    const why = (await interruptedAt(resolve(folder))) ?? leftOut(folder)
    throw new UserError(`${folder}: no such checkpoint folder${why === null ? hubHint(folder) : `: ${why}`}`)
  }
  if (!info.isDirectory()) throw new UserError(`${folder}: ${describeFile(folder)}`)
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
      `${folder}: no weights are there: neither ${SINGLE} nor ${TORCH_SINGLE}, nor the index of either${describeFolder(folder, await readdir(folder, { withFileTypes: true }))}`,
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
