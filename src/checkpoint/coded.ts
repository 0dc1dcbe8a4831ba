// A weight that is stored as codes and scales, and how to decode it to float32, a few lines at a time.

import { countEntries } from '../kernels/index.js'
import { decode, isFloating, type WritableDtype } from './dtype.js'
import type { TensorEntry } from './header.js'

/** The stored tensors of a folder, and their bytes from … to − 1 (all when left out). */
export interface Stored {
  folder: string
  tensors: ReadonlyMap<string, TensorEntry>
  bytes(name: string, from?: number, to?: number): Promise<Uint8Array>
}

/** The quantisation in config.json: its method and its whole entry. */
export interface Quantisation {
  method: string
  entry: Readonly<Record<string, unknown>>
}

export interface Coded {
  /** In the words of an error or a note, e.g. `fp8 in blocks of 128 x 128`. */
  format: string
  /** Shape of the decoded weight. */
  shape: readonly number[]
  /** What the weight was stored in before, where the file says so. */
  dtype?: WritableDtype | undefined
  /** The other stored tensors needed to decode it. They are not parameters of the model. */
  partners: readonly string[]
  /** Float32 values of lines from … to − 1; a line runs along the last axis. */
  lines(from: number, to: number): Promise<Float32Array>
}

/** Elements from … to − 1 of a stored tensor as float32; U8 is read as the exponents of E8M0. */
export async function floats(
  { tensors, bytes }: Stored,
  name: string,
  from = 0,
  to = countEntries(tensors.get(name)!.shape),
): Promise<Float32Array> {
  const { dtype, begin, end, shape } = tensors.get(name)!
  const width = (end - begin) / countEntries(shape) || 1
  const raw = await bytes(name, from * width, to * width)
  const values = new Float32Array(to - from)
  if (dtype === 'F32') new Uint8Array(values.buffer).set(raw)
  else decode(dtype === 'U8' ? 'F8_E8M0' : dtype, raw, values)
  return values
}

/** Whether a stored tensor can hold scales. */
export const holdsScales = (dtype: string): boolean => isFloating(dtype) || dtype === 'F8_E8M0' || dtype === 'U8'
