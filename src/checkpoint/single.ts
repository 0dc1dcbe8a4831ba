// The tensors of one safetensors file that is not a checkpoint by itself.

import { open } from 'node:fs/promises'
import { UserError, unknown } from '../errors/index.js'
import type { Interval } from '../kernels/index.js'
import { BITS, countNonFinite, decode, FLOATING, isFloating } from './dtype.js'
import { readHeader, type TensorEntry } from './header.js'

export interface SingleFile {
  tensors: ReadonlyMap<string, TensorEntry>
  /** Float32, row-major: entries from … to − 1 (all when left out). @throws UserError for a tensor that is not floating, or holds NaN or Inf */
  read(name: string, entries?: Interval): Promise<Float32Array>
  close(): Promise<void>
}

/** Opens a file by its header. */
export async function openWeights(file: string): Promise<SingleFile> {
  const { entries } = await readHeader(file)
  const tensors = new Map(entries.map((entry) => [entry.name, entry]))
  const handle = await open(file)
  return {
    tensors,
    async read(name, entries) {
      const entry = tensors.get(name)
      if (!entry) throw unknown(`tensor in ${file}`, name, [...tensors.keys()])
      const { dtype } = entry
      if (!isFloating(dtype))
        throw new UserError(
          `${file}: tensor ${name} is ${dtype} and cannot be read as weights (can: ${FLOATING.join(', ')})`,
        )
      const width = BITS[dtype]! / 8
      const { from, to } = entries ?? { from: 0, to: (entry.end - entry.begin) / width }
      const values = new Float32Array(to - from)
      const bytes = dtype === 'F32' ? new Uint8Array(values.buffer) : new Uint8Array(values.length * width)
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, entry.begin + from * width)
      if (bytesRead < bytes.length) throw new UserError(`${file}: ends inside tensor ${name}`)
      if (dtype !== 'F32') decode(dtype, bytes, values)
      const { count, first } = countNonFinite(values)
      if (count)
        throw new UserError(`${file}: tensor ${name} holds ${count} NaN or Inf, the first at index ${from + first}`)
      return values
    },
    close: () => handle.close(),
  }
}
