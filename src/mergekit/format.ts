// The number formats that torch computes in, and rounding to them. Numbers of the three narrow ones are held as float32.

export type FloatFormat = 'F64' | 'F32' | 'BF16' | 'F16'
export type Numbers = Float32Array | Float64Array

/** Zeros of a format. */
export const zeros = (format: FloatFormat, size: number): Numbers =>
  format === 'F64' ? new Float64Array(size) : new Float32Array(size)

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

function toBF16(x: number): number {
  float[0] = x
  const u = bits[0]!
  if ((u & 0x7fffffff) > 0x7f800000) return Number.NaN
  bits[0] = (u + 0x7fff + ((u >>> 16) & 1)) & 0xffff0000
  return float[0]!
}

/** The least half that is not subnormal, 2⁻¹⁴, as float32 bits. */
const HALF_SUBNORMAL = 0x38800000

function toF16(x: number): number {
  float[0] = x
  const u = bits[0]!
  const a = u & 0x7fffffff
  if (a >= 0x7f800000) return float[0]!
  if (a < HALF_SUBNORMAL) {
    // Float32 in [½, 1) has steps of 2⁻²⁴, the step of subnormal halves: the addition does the rounding.
    const least = Math.fround(Math.abs(float[0]!) + 0.5) - 0.5
    return u >>> 31 ? -least : least
  }
  bits[0] = (u + 0xfff + ((u >>> 13) & 1)) & 0xffffe000
  return Math.abs(float[0]!) >= 65536 ? float[0]! * Infinity : float[0]!
}

const ROUNDERS: Readonly<Record<FloatFormat, (x: number) => number>> = {
  F64: (x) => x,
  F32: Math.fround,
  BF16: toBF16,
  F16: toF16,
}

/** What rounds a number to the nearest of a format, ties to even; by way of float32 to the narrow ones, as torch does. */
export const rounderOf = (format: FloatFormat): ((x: number) => number) => ROUNDERS[format]

/** In place. @returns the same values */
export function roundTo(format: FloatFormat, values: Numbers): Numbers {
  if (format === 'BF16') {
    const words = new Int32Array(values.buffer, values.byteOffset, values.length)
    for (let i = 0; i < words.length; i++) {
      const u = words[i]!
      // NaN stays as it is.
      if ((u & 0x7fffffff) <= 0x7f800000) words[i] = (u + 0x7fff + ((u >>> 16) & 1)) & 0xffff0000
    }
  } else if (format === 'F16') for (let i = 0; i < values.length; i++) values[i] = toF16(values[i]!)
  return values
}

/** 1 at the entries that a test holds for. */
export function maskOf(size: number, test: (i: number) => boolean): Uint8Array {
  const mask = new Uint8Array(size)
  for (let i = 0; i < size; i++) if (test(i)) mask[i] = 1
  return mask
}

/** The values in another format; the same array where nothing changes. */
export function convert(values: Numbers, to: FloatFormat): Numbers {
  if (to === 'F64') return values instanceof Float64Array ? values : Float64Array.from(values)
  return roundTo(to, Float32Array.from(values))
}

/** The format that torch computes two formats in. */
export function promote(a: FloatFormat, b: FloatFormat): FloatFormat {
  if (a === b) return a
  return a === 'F64' || b === 'F64' ? 'F64' : 'F32'
}
