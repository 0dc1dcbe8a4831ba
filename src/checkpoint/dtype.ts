// The number formats of safetensors: how wide they are, and which of them become float32 (and back) at this door.
// bf16/f16/f64 exist only in files; everywhere else in the program a weight is float32.
import { UserError } from '../errors/index.js'

/** Bits of one element, by the word used in a safetensors header. */
export const BITS: Readonly<Record<string, number>> = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  I64: 64,
  U64: 64,
  C64: 64,
  I32: 32,
  U32: 32,
  I16: 16,
  U16: 16,
  I8: 8,
  U8: 8,
  BOOL: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
}

/** The formats of one byte that become float32 by a table. */
const TABLES: Readonly<Record<string, (code: number) => number>> = {
  I8: (code) => (code << 24) >> 24,
  // No infinity: all ones are NaN.
  F8_E4M3: (code) => ((code & 0x7f) === 0x7f ? NaN : small(code, 3, 7)),
  // A half of a half: as F16, of which it is the upper byte.
  F8_E5M2: (code) =>
    (code & 0x7c) === 0x7c ? (code & 3 ? NaN : code & 0x80 ? -Infinity : Infinity) : small(code, 2, 15),
  F8_E8M0: (code) => (code === 0xff ? NaN : 2 ** (code - 127)),
}

/** Sign, exponent and fraction of one byte; an exponent of 0 is subnormal. */
function small(code: number, fraction: number, bias: number): number {
  const exponent = (code & 0x7f) >> fraction
  const part = (code & ((1 << fraction) - 1)) / (1 << fraction)
  return (code & 0x80 ? -1 : 1) * (exponent ? (1 + part) * 2 ** (exponent - bias) : part * 2 ** (1 - bias))
}

/** The value of each of the 256 codes of a format of one byte; undefined for other formats. */
export function tableOf(dtype: string): Float32Array | undefined {
  const value = TABLES[dtype]
  return value && Float32Array.from({ length: 256 }, (_, code) => value(code))
}

/** The formats that may be read as weights. */
export const FLOATING = ['F32', 'F16', 'BF16', 'F64'] as const
/** The formats that can be written. */
export const WRITABLE = ['F32', 'BF16', 'F16'] as const
export type WritableDtype = (typeof WRITABLE)[number]

/** What people call the formats that can be written: torch's names, as in merge files and config.json. */
export const DTYPES = { float32: 'F32', bfloat16: 'BF16', float16: 'F16' } as const

export type DtypeName = keyof typeof DTYPES

/** The format of that name. @throws UserError for another word */
export function dtypeNamed(name: DtypeName): WritableDtype {
  if (Object.hasOwn(DTYPES, name)) return DTYPES[name]
  throw new UserError(`dtype must be one of ${Object.keys(DTYPES).join(', ')}; got ${JSON.stringify(name)}`)
}

export const isFloating = (dtype: string): boolean => (FLOATING as readonly string[]).includes(dtype)

/** transformers' name of a format, as config.json has it. */
export const TORCH_NAMES: Readonly<Record<string, string>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
}

const TWO_TO_112 = 2 ** 112
const HALF_SUBNORMAL = 0x38800000 // 2⁻¹⁴ as float32 bits: below it a half is subnormal

/** Little-endian bytes of F32, F16, BF16 or F64 values, or of a format that has a table → `out` (as many elements as `out` has). `bytes` must start aligned to its element. */
export function decode(dtype: string, bytes: Uint8Array, out: Float32Array): void {
  const n = out.length
  const table = tableOf(dtype)
  if (table) {
    for (let i = 0; i < n; i++) out[i] = table[bytes[i]!]!
    return
  }
  if (dtype === 'F32') return new Uint8Array(out.buffer, out.byteOffset, 4 * n).set(bytes)
  if (dtype === 'F64') {
    const from = new Float64Array(bytes.buffer, bytes.byteOffset, n)
    for (let i = 0; i < n; i++) out[i] = from[i]!
    return
  }
  const from = new Uint16Array(bytes.buffer, bytes.byteOffset, n)
  const bits = new Int32Array(out.buffer, out.byteOffset, n)
  if (dtype === 'BF16') {
    // Two at a time: half the loads.
    const pairs = bytes.byteOffset % 4 ? new Int32Array(0) : new Int32Array(bytes.buffer, bytes.byteOffset, n >> 1)
    for (let i = 0, j = 0; i < pairs.length; i++, j += 2) {
      const pair = pairs[i]!
      bits[j] = pair << 16
      bits[j + 1] = pair & 0xffff0000
    }
    for (let i = pairs.length * 2; i < n; i++) bits[i] = from[i]! << 16
    return
  }
  // The half's exponent and fraction, read as a float32, are the value divided by 2¹¹² — subnormals included, exactly.
  for (let i = 0; i < n; i++) bits[i] = ((from[i]! & 0x8000) << 16) | ((from[i]! & 0x7fff) << 13)
  for (let i = 0; i < n; i++) out[i]! *= TWO_TO_112
  for (let i = 0; i < n; i++)
    if ((from[i]! & 0x7c00) === 0x7c00) out[i] = from[i]! & 0x3ff ? NaN : from[i]! & 0x8000 ? -Infinity : Infinity
}

/** Values → little-endian bytes, rounded to nearest, ties to even. A value too large for the format becomes ±Infinity. */
export function encode(dtype: WritableDtype, values: Float32Array): Uint8Array {
  const n = values.length
  const bits = new Int32Array(values.buffer, values.byteOffset, n)
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, n * 4)
  const out = new Uint16Array(n)
  const write = dtype === 'BF16' ? toBF16 : toF16
  write(bits, out)
  return new Uint8Array(out.buffer)
}

function toBF16(bits: Int32Array, out: Uint16Array): void {
  // Two at a time: half the stores. Sums stay integers of 32 bits, which is several times faster than what JavaScript would do.
  const pairs = new Int32Array(out.buffer, out.byteOffset, bits.length >> 1)
  let bad = 0
  for (let i = 0, j = 0; i < pairs.length; i++, j += 2) {
    const [a, b] = [bits[j], bits[j + 1]]
    bad |= ((a! & 0x7f800000) + 0x00800000) | ((b! & 0x7f800000) + 0x00800000)
    pairs[i] = (((a! + 0x7fff + ((a! >>> 16) & 1)) | 0) >>> 16) | ((b! + 0x7fff + ((b! >>> 16) & 1)) & 0xffff0000)
  }
  // NaNs, which the rounding could turn into something else, and the odd last one.
  for (let i = bad < 0 ? 0 : pairs.length * 2; i < bits.length; i++) {
    const u = bits[i]!
    out[i] = (u & 0x7fffffff) > 0x7f800000 ? (u >>> 16) | 0x40 : ((u + 0x7fff + ((u >>> 16) & 1)) | 0) >>> 16
  }
}

function toF16(bits: Int32Array, out: Uint16Array): void {
  const float = new Float32Array(1)
  const word = new Uint32Array(float.buffer)
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000
    const a = bits[i]! & 0x7fffffff
    let h: number
    if (a > 0x7f800000) h = 0x7e00
    else if (a < HALF_SUBNORMAL) {
      // A float32 in [½, 1) has steps of 2⁻²⁴, the step of subnormal halves: the addition does the rounding.
      word[0] = a
      float[0]! += 0.5
      h = word[0] - 0x3f000000
    } else h = Math.min(0x7c00, (a + 0xfff + ((a >>> 13) & 1) - 0x38000000) >>> 13)
    out[i] = sign | h
  }
}

/** Exponent bits of NaN and ±Infinity, in the upper half of a word of 32 bits. */
const EXPONENTS: Readonly<Record<WritableDtype, number>> = { F32: 0x7f800000, BF16: 0x7f800000, F16: 0x7c000000 }

/** Whether no value of these bytes is NaN or ±Infinity. `bytes` must start aligned to 4 bytes. */
export function allFinite(dtype: WritableDtype, bytes: Uint8Array): boolean {
  const upper = EXPONENTS[dtype]
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
  // All ones in the exponent carry into the bit above it, which is the sign of the word or of its lower half.
  const [lower, one] = [upper >>> 16, upper & -upper]
  let [high, low] = [0, 0]
  if (dtype === 'F32') for (let i = 0; i < words.length; i++) high |= (words[i]! & upper) + one
  else {
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!
      high |= (word & upper) + one
      low |= (word & lower) + (one >>> 16)
    }
    if (bytes.length & 2) low |= ((bytes[bytes.length - 2]! | (bytes[bytes.length - 1]! << 8)) & lower) + (one >>> 16)
  }
  return high >= 0 && !(low & 0x8000)
}

/** Rounds the values, in place, to a format of half precision; other formats leave them. */
export function round(values: Float32Array, dtype: string): Float32Array {
  if (dtype === 'BF16' || dtype === 'F16') decode(dtype, encode(dtype, values), values)
  return values
}

/** A tensor has NaN or ±Infinity in it. */
export class BadWeights extends UserError {}

/** What is said of a tensor (`where`) with NaN or ±Infinity among these values of it, of which the first is at index `from`. */
export const notFinite = (
  where: string,
  values: Float32Array,
  { count, first }: { count: number; first: number },
  from = 0,
): BadWeights =>
  new BadWeights(
    `${where} holds ${count} NaN or Inf of ${values.length} values${from ? ` from index ${from} on` : ''}, the first at index ${from + first} (${values[first]})`,
  )

/** How many values are NaN or ±Infinity, and the index of the first one (-1 when all are finite). */
export function countNonFinite(values: Float32Array): { count: number; first: number } {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length)
  let count = 0
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7f800000) === 0x7f800000) count++
  const first = count ? bits.findIndex((b) => (b & 0x7f800000) === 0x7f800000) : -1
  return { count, first }
}
