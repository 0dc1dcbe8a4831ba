// The tensors of files as they are stored, in whatever layout: where the bytes of each lie, decoded by nobody.
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { readObject } from '../schema/index.js'
import type { TorchTensor } from '../torch/index.js'
import { SINGLE, TORCH_SINGLE } from './checkpoint.js'
import { describeFile, describeFolder } from './foreign.js'
import type { TensorEntry } from './header.js'
import { listShards, readTensors } from './shards.js'
import { openStored } from './stored.js'
import { readWeightHeader } from './weight-reader.js'

/** A tensor of a file. */
export interface FileTensor extends TensorEntry {
  /** Whether its entries lie in another order than that of its shape. */
  isTurned: boolean
}

/** Whether the entries of a view fill one piece of its storage, in some order. */
function isDense({ shape, stride, negative }: TorchTensor): boolean {
  if (negative) return false
  let step = 1
  const axes = shape.map((side, axis) => ({ side, stride: stride[axis]! })).filter(({ side }) => side !== 1)
  return axes
    .sort((a, b) => a.stride - b.stride)
    .every((axis) => {
      const fits = axis.stride === step
      step *= axis.side
      return fits
    })
}

/**
 * The tensors of one file that fill a piece of it, in order, none within another; none where the file holds no weights.
 * @throws UserError for a safetensors file that is not whole
 */
export async function tensorsOfFile(file: string): Promise<FileTensor[]> {
  if (!/\.(safetensors|bin|pt|pth)$/.test(file)) return []
  const { entries, views } = await readWeightHeader(file).catch((error: unknown) => {
    // What trainers save beside the weights ends in .bin or .pt, too.
    if (error instanceof UserError && !file.endsWith('.safetensors')) return { entries: [], views: [] }
    throw error
  })
  const spread = new Map(views.map((view) => [view.name, view]))
  let reached = 0
  return entries
    .filter(({ name, begin, end }) => end > begin && (!spread.has(name) || isDense(spread.get(name)!)))
    .sort((a, b) => a.begin - b.begin || b.end - a.end)
    .filter(({ begin, end }) => {
      if (begin < reached) return false
      reached = end
      return true
    })
    .map((entry) => ({ ...entry, isTurned: spread.has(entry.name) }))
}

/** The tensors of a model folder, and their bytes. */
export interface StoredTensors {
  tensors: ReadonlyMap<string, TensorEntry>
  /** Whether a tensor lies in one piece of its file. */
  isWhole(name: string): boolean
  /** Bytes from … to − 1 of a tensor. */
  bytes(name: string, from: number, to: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** @throws UserError for a folder without weights that are read */
export async function openStoredTensors(folder: string): Promise<StoredTensors> {
  const info = await stat(folder).catch(() => null)
  if (!info?.isDirectory()) throw new UserError(`${folder}: ${info ? describeFile(folder) : 'no such folder'}`)
  const config = join(folder, 'config.json')
  const shards = await listShards(folder, existsSync(config) ? readObject(config) : null)
  if (!shards)
    throw new UserError(
      `${folder}: neither ${SINGLE} nor ${TORCH_SINGLE} is there${describeFolder(folder, await readdir(folder, { withFileTypes: true }))}`,
    )
  const { tensors, gathered } = await readTensors(folder, shards)
  const { checkpoint, bytes } = openStored({ folder, config: null, configText: null, tensors }, shards.files, gathered)
  return { tensors, isWhole: (name) => checkpoint.place(name) !== null, bytes, close: checkpoint.close }
}
