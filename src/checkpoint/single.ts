// The tensors of one file of weights that is not a checkpoint by itself.

import { unknown } from '../errors/index.js'
import type { Interval } from '../kernels/index.js'
import type { TensorEntry } from './header.js'
import { openWeightReader, readWeightHeader } from './weight-reader.js'

export interface SingleFile {
  tensors: ReadonlyMap<string, TensorEntry>
  /** Float32, row-major: entries from … to − 1 (all when left out). @throws UserError for a tensor that is not floating, or holds NaN or Inf */
  read(name: string, entries?: Interval): Promise<Float32Array>
  close(): Promise<void>
}

/** Opens a file by its header. */
export async function openWeights(file: string): Promise<SingleFile> {
  const { entries, views } = await readWeightHeader(file)
  const tensors = new Map(entries.map((entry) => [entry.name, entry]))
  const reader = openWeightReader(new Map(views.map((view) => [view.name, view])))
  return {
    tensors,
    async read(name, part) {
      const entry = tensors.get(name)
      if (!entry) throw unknown(`tensor in ${file}`, name, [...tensors.keys()])
      return reader.values(entry, part ?? null)
    },
    close: () => reader.close(),
  }
}
