// Types of GGUF tensors whose blocks are of 32 or 64 values (ggml-quants.c of ggml; every operation rounds to float32 as there).
import { fround, half, nibbles, type TensorType } from './block.js'

/** What nibbles of IQ4_NL and IQ4_XS stand for. */
export const FOUR_BIT_LEVELS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
/** Twice the values of E2M1. */
const E2M1_LEVELS = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

/** Blocks of 32: scale, perhaps a least value, perhaps fifth bits, nibbles. */
export const small = (name: string, { least = false, fifth = false }): TensorType => {
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
        const value = fround((code - middle) * scale)
        out[to + i] = least ? fround(value + offset) : value
      })
    },
  }
}

export const Q8_0: TensorType = {
  name: 'Q8_0',
  values: 32,
  bytes: 34,
  decode(view, at, out, to) {
    const scale = half(view, at)
    for (let i = 0; i < 32; i++) out[to + i] = view.getInt8(at + 2 + i) * scale
  },
}

export const IQ4_NL: TensorType = {
  name: 'IQ4_NL',
  values: 32,
  bytes: 18,
  decode(view, at, out, to) {
    const scale = half(view, at)
    nibbles(view, at + 2, 0, (code, i) => void (out[to + i] = fround(scale * FOUR_BIT_LEVELS[code]!)))
  },
}

/** An exponent (E8M0), halved for the doubled levels, and nibbles. */
export const MXFP4: TensorType = {
  name: 'MXFP4',
  values: 32,
  bytes: 17,
  decode(view, at, out, to) {
    const scale = 2 ** (view.getUint8(at) - 128)
    nibbles(view, at + 1, 0, (code, i) => void (out[to + i] = scale * E2M1_LEVELS[code]!))
  },
}

/** Four scales (E4M3 without a sign), and 8 bytes of nibbles for each 16 values: the low ones are the first eight. */
export const NVFP4: TensorType = {
  name: 'NVFP4',
  values: 64,
  bytes: 36,
  decode(view, at, out, to) {
    for (let j = 0; j < 4; j++) {
      const byte = view.getUint8(at + j)
      const [exponent, fraction] = [(byte >> 3) & 15, byte & 7]
      const whole = exponent ? (1 + fraction / 8) * 2 ** (exponent - 7) : fraction * 2 ** -9
      const scale = byte === 0x7f ? 0 : whole / 2
      for (let i = 0; i < 8; i++) {
        const pair = view.getUint8(at + 4 + 8 * j + i)
        out[to + 16 * j + i] = scale * E2M1_LEVELS[pair & 15]!
        out[to + 16 * j + 8 + i] = scale * E2M1_LEVELS[pair >> 4]!
      }
    }
  },
}
