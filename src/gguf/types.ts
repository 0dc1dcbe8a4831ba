// The types of tensors in GGUF files: blocks of codes with their scales, and how they become float32 (ggml-quants.c of ggml; every
// operation rounds to float32 as there).

/** Decodes a block at a position into 32 or 256 values. */
type DecodeBlock = (view: DataView, at: number, out: Float32Array, to: number) => void

export interface TensorType {
  name: string
  /** Values of a block. */
  values: number
  /** Bytes of a block; 0 for a type that is not read. */
  bytes: number
  /** The word of safetensors where the numbers are plain. */
  dtype?: 'F32' | 'F16' | 'BF16'
  decode?: DecodeBlock
}

const plain = (name: 'F32' | 'F16' | 'BF16', bytes: number): TensorType => ({ name, values: 1, bytes, dtype: name })
const refused = (name: string): TensorType => ({ name, values: 1, bytes: 0 })
const round = Math.fround

/** A half at a position, as float32. */
function half(view: DataView, at: number): number {
  const bits = view.getUint16(at, true)
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  const size =
    exponent === 31
      ? fraction
        ? NaN
        : Infinity
      : exponent
        ? (1 + fraction / 1024) * 2 ** (exponent - 15)
        : fraction * 2 ** -24
  return bits & 0x8000 ? -size : size
}

/** 16 bytes of nibbles: the low ones are values 0 to 15, the high ones 16 to 31. `fifth` has a bit for each value. */
function nibbles(view: DataView, at: number, fifth: number, make: (code: number, i: number) => void): void {
  for (let i = 0; i < 16; i++) {
    const byte = view.getUint8(at + i)
    make((byte & 15) | (((fifth >>> i) & 1) << 4), i)
    make((byte >> 4) | (((fifth >>> (i + 16)) & 1) << 4), i + 16)
  }
}

/** Blocks of 32: scale, perhaps a least value, perhaps fifth bits, nibbles. */
const small = (name: string, { least = false, fifth = false }): TensorType => {
  const head = 2 + (least ? 2 : 0)
  return {
    name,
    values: 32,
    bytes: head + (fifth ? 4 : 0) + 16,
    decode(view, at, out, to) {
      const scale = half(view, at)
      const bits = fifth ? view.getUint32(at + head, true) : 0
      const codes = at + head + (fifth ? 4 : 0)
      const offset = least ? half(view, at + 2) : 0
      const middle = least ? 0 : fifth ? 16 : 8
      nibbles(view, codes, bits, (code, i) => {
        const value = round((code - middle) * scale)
        out[to + i] = least ? round(value + offset) : value
      })
    },
  }
}

/** Scale and least value of sub-block j among the 12 bytes that hold eight of each, of 6 bits. */
function scalesAt(view: DataView, at: number, j: number): [scale: number, least: number] {
  const byte = (i: number) => view.getUint8(at + i)
  if (j < 4) return [byte(j) & 63, byte(j + 4) & 63]
  return [(byte(j + 4) & 15) | ((byte(j - 4) >> 6) << 4), (byte(j + 4) >> 4) | ((byte(j) >> 6) << 4)]
}

/** Blocks of 256 in eight sub-blocks of 32: x = (d · scale) · code − dmin · least. */
const large = (name: string, fifth: boolean): TensorType => ({
  name,
  values: 256,
  bytes: fifth ? 176 : 144,
  decode(view, at, out, to) {
    const [d, dmin] = [half(view, at), half(view, at + 2)]
    const codes = at + 16 + (fifth ? 32 : 0)
    for (let j = 0; j < 8; j++) {
      const [scale, least] = scalesAt(view, at + 4, j)
      const [factor, offset] = [round(d * scale), round(dmin * least)]
      for (let i = 0; i < 32; i++) {
        const byte = view.getUint8(codes + 32 * (j >> 1) + i)
        const high = fifth ? ((view.getUint8(at + 16 + i) >> j) & 1) << 4 : 0
        const code = (j & 1 ? byte >> 4 : byte & 15) | high
        out[to + 32 * j + i] = round(round(factor * code) - offset)
      }
    }
  },
})

const Q8_0: TensorType = {
  name: 'Q8_0',
  values: 32,
  bytes: 34,
  decode(view, at, out, to) {
    const scale = half(view, at)
    for (let i = 0; i < 32; i++) out[to + i] = view.getInt8(at + 2 + i) * scale
  },
}

/** 128 bytes of low nibbles, 64 of upper bits, 16 scales for sub-blocks of 16, and d. */
const Q6_K: TensorType = {
  name: 'Q6_K',
  values: 256,
  bytes: 210,
  decode(view, at, out, to) {
    const d = half(view, at + 208)
    for (let i = 0; i < 256; i++) {
      const [part, place] = [i >> 7, i & 127]
      const quarter = place >> 5
      const byte = view.getUint8(at + 64 * part + (place & 63))
      const low = place < 64 ? byte & 15 : byte >> 4
      const high = (view.getUint8(at + 128 + 32 * part + (place & 31)) >> (2 * quarter)) & 3
      const factor = round(d * view.getInt8(at + 192 + (i >> 4)))
      out[to + i] = round(factor * ((low | (high << 4)) - 32))
    }
  },
}

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
  10: refused('Q2_K'),
  11: refused('Q3_K'),
  12: large('Q4_K', false),
  13: large('Q5_K', true),
  14: Q6_K,
  15: refused('Q8_K'),
  16: refused('IQ2_XXS'),
  17: refused('IQ2_XS'),
  18: refused('IQ3_XXS'),
  19: refused('IQ1_S'),
  20: refused('IQ4_NL'),
  21: refused('IQ3_S'),
  22: refused('IQ2_S'),
  23: refused('IQ4_XS'),
  24: refused('I8'),
  25: refused('I16'),
  26: refused('I32'),
  27: refused('I64'),
  28: refused('F64'),
  29: refused('IQ1_M'),
  30: plain('BF16', 2),
  34: refused('TQ1_0'),
  35: refused('TQ2_0'),
  39: refused('MXFP4'),
  40: refused('NVFP4'),
  41: refused('Q1_0'),
}

/** The values of whole blocks. @param out as many values as the blocks have */
export function decodeBlocks(type: TensorType, bytes: Uint8Array, out: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0, to = 0; to < out.length; at += type.bytes, to += type.values) type.decode!(view, at, out, to)
}
