// A folder as a model: whole weights, an adapter, or both. What reads adapters is loaded when there is one.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ADAPTER_CONFIG, type Checkpoint, type OpenFolderOptions } from './checkpoint.js'
import { openCheckpoint } from './folder.js'
import { holdsWhole } from './shards.js'

const has = (folder: string, name: string): boolean => existsSync(join(folder, name))

/** An adapter alone; trainers leave the base's config.json and tokenizer beside it. */
export const isAdapter = (folder: string): boolean => has(folder, ADAPTER_CONFIG) && !holdsWhole(folder)

/** What torchtune leaves beside an adapter for peft, and beside whole weights that have the adapter in them (FullModelHFCheckpointer of 0.6.1). */
const OF_TORCHTUNE = 'adapter_model.pt'

/** Opens a model by its folder. One that holds whole weights and an adapter is these weights with the adapter, as transformers reads it. */
export async function openFolder(folder: string, options: OpenFolderOptions = {}): Promise<Checkpoint> {
  const whole = await openCheckpoint(folder, options)
  if (!has(folder, ADAPTER_CONFIG)) return whole
  if (has(folder, OF_TORCHTUNE)) {
    const note = `${folder}: holds whole weights and an adapter, as torchtune leaves them (${OF_TORCHTUNE}): the weights have the adapter in them and are read alone, where transformers applies it twice`
    return { ...whole, notes: [...whole.notes, note] }
  }
  try {
    const adapted = await openAdapter(folder, whole)
    return {
      ...adapted,
      notes: [
        ...adapted.notes,
        `${folder}: holds whole weights and an adapter; the adapter is applied to them, as transformers does`,
      ],
      hashes: async (hash) => ({ ...(await whole.hashes(hash)), ...(await adapted.hashes(hash)) }),
      close: async () => void (await Promise.all([adapted.close(), whole.close()])),
    }
  } catch (error) {
    await whole.close()
    throw error
  }
}

/** The base, which stays open, with the adapter in a folder applied. @throws UserError as applyAdapter does */
export async function openAdapter(folder: string, base: Checkpoint): Promise<Checkpoint> {
  const { applyAdapter } = await import('./adapter.js')
  return applyAdapter(folder, base)
}

/** The base that an adapter names, and its revision on the hub. @throws UserError for an adapter that is not read */
export async function adapterBase(folder: string): Promise<Record<'named' | 'revision', string | null | undefined>> {
  const { readAdapterConfig } = await import('./adapter-config.js')
  const { base_model_name_or_path: named, revision } = await readAdapterConfig(folder)
  return { named, revision }
}
