// What the types of tensors in GGUF files have in common: blocks of codes with their scales.

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

export const { fround } = Math

/** A half at a position, as float32. */
export function half(view: DataView, at: number): number {
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
export function nibbles(view: DataView, at: number, fifth: number, make: (code: number, i: number) => void): void {
  for (let i = 0; i < 16; i++) {
    const byte = view.getUint8(at + i)
    make((byte & 15) | (((fifth >>> i) & 1) << 4), i)
    make((byte >> 4) | (((fifth >>> (i + 16)) & 1) << 4), i + 16)
  }
}
