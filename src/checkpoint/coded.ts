// A weight that is stored as codes and scales, and how to decode it to float32, a few lines at a time.

import { countEntries, type Interval } from '../kernels/index.js'
import { BITS, decode, isFloating, type WritableDtype } from './dtype.js'
import { gather } from './gather.js'
import type { TensorEntry } from './header.js'

/** The end of the name of the tensor that says what a weight of bitsandbytes' 4 bits is; before it stands the name of the weight. */
export const STATE = /\.quant_state\.bitsandbytes__(\w+)$/

/** The name of torchao's codes; the name of the weight is its two groups. */
export const TORCHAO = /^(|.*\.)_([^.]+)_qdata$/

/** How a file of AutoRound packs its codes, by `packing_format`: as AWQ, or as GPTQ with its zero points as they are or less 1. */
export const AUTO_ROUND: Readonly<Record<string, 'gptq' | 'gptq_v2' | 'awq'>> = {
  auto_round: 'gptq_v2',
  'auto_round:gptqmodel': 'gptq_v2',
  'auto_round:auto_gptq': 'gptq',
  'auto_round:auto_awq': 'awq',
}

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
  /** Name of the weight. */
  name: string
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
  decode(dtype === 'U8' ? 'F8_E8M0' : dtype, raw, values)
  return values
}

/** The bytes of columns from … to − 1 of a stored matrix, or of a batch of them as one. */
export async function columnBytes(
  { tensors, bytes }: Stored,
  name: string,
  { from, to }: Interval,
): Promise<Uint8Array> {
  const { dtype, shape } = tensors.get(name)!
  const [width, columns] = [BITS[dtype]! / 8, shape.at(-1)!]
  const rows = countEntries(shape) / columns || 0
  const box = { shape: [rows, to - from], stride: [columns, 1], begin: from * width }
  const readAt = (position: number, length: number) => bytes(name, position, position + length)
  return gather(box, width, { from: 0, to: rows * (to - from) }, readAt)
}

/** The same as float32, of a tensor that is floating. */
export async function columnFloats(stored: Stored, name: string, columns: Interval): Promise<Float32Array> {
  const { dtype } = stored.tensors.get(name)!
  const bytes = await columnBytes(stored, name, columns)
  const values = new Float32Array((bytes.length * 8) / BITS[dtype]!)
  decode(dtype, bytes, values)
  return values
}

/** Whether a tensor holds packed codes of compressed-tensors, in this format. */
export const isCodes = ({ tensors }: Stored, name: string, dtype: 'I32' | 'U8'): boolean =>
  name.endsWith('.weight_packed') && tensors.get(name)!.dtype === dtype

/** Whether a tensor holds codes of MLX. */
export const isMlxCodes = ({ tensors }: Stored, name: string): boolean =>
  tensors.get(name)!.dtype === 'U32' && name.endsWith('.weight') && tensors.has(name.replace(/weight$/, 'scales'))

/** Whether a stored tensor can hold scales. */
export const holdsScales = (dtype: string): boolean => isFloating(dtype) || dtype === 'F8_E8M0' || dtype === 'U8'
