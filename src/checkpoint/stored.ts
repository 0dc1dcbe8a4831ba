// The tensors of a folder as its files hold them: the first view of a checkpoint, of which all others are made.
import { join } from 'node:path'
import { unknown } from '../errors/index.js'
import type { TorchTensor } from '../torch/index.js'
import type { Checkpoint } from './checkpoint.js'
import type { Stored } from './coded.js'
import { hashFile } from './hash.js'
import type { TensorEntry } from './header.js'
import { madeFile } from './made-file.js'
import { openWeightReader } from './weight-reader.js'

/** The files as they are stored: nothing decoded, nothing tied. `bytes` reads bytes from … to − 1 of a tensor. @param shards their names in the folder */
export function openStored(
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
    place: (name, made = false) => {
      const { file, begin, dtype } = entryOf(name)
      if (gathered.has(name) || (madeFile(file) && !made)) return null
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
