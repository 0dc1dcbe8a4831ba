// Last hidden states of the post-trained model, kept for the edits that are compared with it: they give its logits again, bit for bit,
// and are far fewer.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareFolder, writeWhole } from '../files/index.js'
import type { Batch } from '../models/index.js'

/** Last hidden states before the head by batch, [positions, width] in the order of the loss; outputs where the head is no block of its own. */
export interface KeptStates {
  recall(batch: Batch): Promise<Float32Array | undefined>
  keep(batch: Batch, states: Float32Array): Promise<void>
}

/** Bytes that are kept in memory where nothing else is said. */
const MOST_BYTES = 1 << 28

/** Keeps states in memory as long as their batches. @param most bytes; beyond them states are made again */
export function keepStates(most = MOST_BYTES): KeptStates {
  const states = new WeakMap<Batch, Float32Array>()
  let bytes = 0
  return {
    recall: async (batch) => states.get(batch),
    async keep(batch, values) {
      if (bytes + values.byteLength > most) return
      bytes += values.byteLength
      states.set(batch, values)
    },
  }
}

/** Raised when what is stored means something else than before. */
const MEANING = 1

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** What a model is given, and which of its outputs are counted. */
function hashBatch(batch: Batch): string {
  const { rows, columns, ids, mask, positions, labels, types, pixels, classes, encoder } = batch
  const hash = createHash('sha256').update(JSON.stringify([rows, columns, encoder?.columns ?? 0]))
  for (const part of [ids, mask, positions, labels, types, pixels, classes, encoder?.ids, encoder?.mask])
    hash.update(`,${part?.byteLength ?? ''},`).update(part ? bytesOf(part) : '')
  return hash.digest('hex')
}

/** States in files of a folder. */
export interface StoredStates extends KeptStates {
  /** Bytes that were found, and that were added. */
  sizes(): { read: number; written: number }
}

/**
 * Keeps states in a folder: a file of float32 for each batch, behind the checksum of its bytes. A file that is damaged counts as absent.
 * @param key what the states depend on besides the batch: content of the model and what computes
 * @throws UserError for a folder that cannot be written
 */
export async function openStates(folder: string, key: readonly string[]): Promise<StoredStates> {
  await prepareFolder(folder)
  const pathOf = (batch: Batch): string => {
    const name = createHash('sha256')
      .update(JSON.stringify([MEANING, ...key, hashBatch(batch)]))
      .digest('hex')
    return join(folder, `${name.slice(0, 32)}.states`)
  }
  const checksum = (values: Uint8Array) => createHash('sha256').update(values).digest()
  const sizes = { read: 0, written: 0 }
  return {
    sizes: () => sizes,
    async recall(batch) {
      const found = await readFile(pathOf(batch)).catch(() => null)
      const values = found?.subarray(32)
      if (!found || !values || !checksum(values).equals(found.subarray(0, 32))) return undefined
      sizes.read += values.length
      return new Float32Array(Uint8Array.from(values).buffer)
    },
    async keep(batch, states) {
      const values = bytesOf(states)
      // Another process may have written the same file meanwhile.
      await writeWhole(pathOf(batch), [checksum(values), values]).catch((error: unknown) => {
        if (!existsSync(pathOf(batch))) throw error
      })
      sizes.written += values.length
    },
  }
}
