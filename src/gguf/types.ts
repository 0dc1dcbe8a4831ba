// The types of tensors in GGUF files by their numbers: blocks of codes with their scales, and how they become float32.
import type { TensorType } from './block.js'
import { IQ4_XS, large, Q2_K, Q3_K, Q6_K, TQ1_0, TQ2_0 } from './large-types.js'
import { IQ4_NL, MXFP4, NVFP4, Q8_0, small } from './small-types.js'

const plain = (name: 'F32' | 'F16' | 'BF16', bytes: number): TensorType => ({ name, values: 1, bytes, dtype: name })
const refused = (name: string): TensorType => ({ name, values: 1, bytes: 0 })

/** By the number of the type. */
export const TYPES: Readonly<Record<number, TensorType>> = {
  0: plain('F32', 4),
  1: plain('F16', 2),
  2: small('Q4_0', {}),
  3: small('Q4_1', { least: true }),
  6: small('Q5_0', { fifth: true }),
  7: small('Q5_1', { least: true, fifth: true }),
  8: Q8_0,
  9: refused('Q8_1'),
  10: Q2_K,
  11: Q3_K,
  12: large('Q4_K', false),
  13: large('Q5_K', true),
  14: Q6_K,
  15: refused('Q8_K'),
  16: refused('IQ2_XXS'),
  17: refused('IQ2_XS'),
  18: refused('IQ3_XXS'),
  19: refused('IQ1_S'),
  20: IQ4_NL,
  21: refused('IQ3_S'),
  22: refused('IQ2_S'),
  23: IQ4_XS,
  24: refused('I8'),
  25: refused('I16'),
  26: refused('I32'),
  27: refused('I64'),
  28: refused('F64'),
  29: refused('IQ1_M'),
  30: plain('BF16', 2),
  34: TQ1_0,
  35: TQ2_0,
  39: MXFP4,
  40: NVFP4,
  41: refused('Q1_0'),
}

/** The values of whole blocks. @param out as many values as the blocks have */
export function decodeBlocks(type: TensorType, bytes: Uint8Array, out: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0, to = 0; to < out.length; at += type.bytes, to += type.values) type.decode!(view, at, out, to)
}
