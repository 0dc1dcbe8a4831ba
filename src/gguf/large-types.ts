// Types of GGUF tensors whose blocks are of 256 values: codes, scales of sub-blocks, and a scale of all (ggml-quants.c of ggml; every operation
// rounds to float32 as there).
import { fround, half, type TensorType } from './block.js'
import { FOUR_BIT_LEVELS } from './small-types.js'

/** Scale and least value of sub-block j among the 12 bytes that hold eight of each, of 6 bits. */
function scalesAt(view: DataView, at: number, j: number): [scale: number, least: number] {
  const byte = (i: number) => view.getUint8(at + i)
  if (j < 4) return [byte(j) & 63, byte(j + 4) & 63]
  return [(byte(j + 4) & 15) | ((byte(j - 4) >> 6) << 4), (byte(j + 4) >> 4) | ((byte(j) >> 6) << 4)]
}

/** Blocks of 256 in eight sub-blocks of 32: x = (d · scale) · code − dmin · least. */
export const large = (name: string, fifth: boolean): TensorType => ({
  name,
  values: 256,
  bytes: fifth ? 176 : 144,
  decode(view, at, out, to) {
    const [d, dmin] = [half(view, at), half(view, at + 2)]
    const codes = at + 16 + (fifth ? 32 : 0)
    for (let j = 0; j < 8; j++) {
      const [scale, least] = scalesAt(view, at + 4, j)
      const [factor, offset] = [fround(d * scale), fround(dmin * least)]
      for (let i = 0; i < 32; i++) {
        const byte = view.getUint8(codes + 32 * (j >> 1) + i)
        const high = fifth ? ((view.getUint8(at + 16 + i) >> j) & 1) << 4 : 0
        const code = (j & 1 ? byte >> 4 : byte & 15) | high
        out[to + 32 * j + i] = fround(fround(factor * code) - offset)
      }
    }
  },
})

/** 128 bytes of low nibbles, 64 of upper bits, 16 scales for sub-blocks of 16, and d. */
export const Q6_K: TensorType = {
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
      const factor = fround(d * view.getInt8(at + 192 + (i >> 4)))
      out[to + i] = fround(factor * ((low | (high << 4)) - 32))
    }
  },
}

/** 16 bytes of a scale and a least value, of 4 bits each, for sub-blocks of 16; 64 bytes of codes of 2 bits; d and dmin. */
export const Q2_K: TensorType = {
  name: 'Q2_K',
  values: 256,
  bytes: 84,
  decode(view, at, out, to) {
    const [d, dmin] = [half(view, at + 80), half(view, at + 82)]
    for (let i = 0; i < 256; i++) {
      const scales = view.getUint8(at + (i >> 4))
      const code = (view.getUint8(at + 16 + placeOfTwoBits(i)) >> shiftOfTwoBits(i)) & 3
      out[to + i] = fround(fround(fround(d * (scales & 15)) * code) - fround(dmin * (scales >> 4)))
    }
  },
}

/** 32 bytes of upper bits, whose 1 means no offset; 64 bytes of codes of 2 bits; 12 bytes with 16 scales of 6 bits; d. */
export const Q3_K: TensorType = {
  name: 'Q3_K',
  values: 256,
  bytes: 110,
  decode(view, at, out, to) {
    const d = half(view, at + 108)
    for (let i = 0; i < 256; i++) {
      const j = i >> 4
      const byte = view.getUint8(at + 96 + (j & 7))
      const low = j < 8 ? byte & 15 : byte >> 4
      const high = (view.getUint8(at + 104 + (j & 3)) >> (2 * (j >> 2))) & 3
      const factor = fround(d * ((low | (high << 4)) - 32))
      const code = (view.getUint8(at + 32 + placeOfTwoBits(i)) >> shiftOfTwoBits(i)) & 3
      const upper = (view.getUint8(at + (i & 31)) >> (i >> 5)) & 1
      out[to + i] = fround(factor * (code - (upper ? 0 : 4)))
    }
  },
}

/** Codes of 2 bits: 32 bytes hold 128 values, those of the first 32 in the lowest bits. */
const placeOfTwoBits = (i: number): number => 32 * (i >> 7) + (i & 31)
const shiftOfTwoBits = (i: number): number => 2 * ((i >> 5) & 3)

/** d; two bytes of upper and four of lower bits of eight scales; 128 bytes of nibbles, which name levels. */
export const IQ4_XS: TensorType = {
  name: 'IQ4_XS',
  values: 256,
  bytes: 136,
  decode(view, at, out, to) {
    const [d, upper] = [half(view, at), view.getUint16(at + 2, true)]
    for (let j = 0; j < 8; j++) {
      const low = (view.getUint8(at + 4 + (j >> 1)) >> (4 * (j & 1))) & 15
      const factor = fround(d * ((low | (((upper >> (2 * j)) & 3) << 4)) - 32))
      for (let i = 0; i < 16; i++) {
        const byte = view.getUint8(at + 8 + 16 * j + i)
        out[to + 32 * j + i] = fround(factor * FOUR_BIT_LEVELS[byte & 15]!)
        out[to + 32 * j + 16 + i] = fround(factor * FOUR_BIT_LEVELS[byte >> 4]!)
      }
    }
  },
}

/** 64 bytes of codes of 2 bits, of which 1 is zero; d. */
export const TQ2_0: TensorType = {
  name: 'TQ2_0',
  values: 256,
  bytes: 66,
  decode(view, at, out, to) {
    const d = half(view, at + 64)
    for (let i = 0; i < 256; i++)
      out[to + i] = fround(d * (((view.getUint8(at + placeOfTwoBits(i)) >> shiftOfTwoBits(i)) & 3) - 1))
  },
}

/** Five digits of base 3 in a byte: 32 bytes, then 16, then 4 with four digits each; d. A digit is the upper end of byte · 3^k. */
export const TQ1_0: TensorType = {
  name: 'TQ1_0',
  values: 256,
  bytes: 54,
  decode(view, at, out, to) {
    const d = half(view, at + 52)
    for (let i = 0; i < 256; i++) {
      const [place, digit] =
        i < 160 ? [i & 31, i >> 5] : i < 240 ? [32 + ((i - 160) & 15), (i - 160) >> 4] : [48 + (i & 3), (i - 240) >> 2]
      const rest = (view.getUint8(at + place) * 3 ** digit) & 255
      out[to + i] = fround(d * (((rest * 3) >> 8) - 1))
    }
  },
}
