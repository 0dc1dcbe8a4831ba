// Weights → the bytes of their tensor in a file, or the reason why they cannot be stored so.
import { UserError } from '../errors/index.js'
import { allFinite, countNonFinite, encode, WRITABLE, type WritableDtype } from './dtype.js'

/** What is said of a result that is not finite, or too large for its format. */
export function badResult(
  { name, dtype }: { name: string; dtype: string },
  { index, value }: { index: number; value: number },
): UserError {
  const wider = dtype === 'F16' ? 'F32 or BF16' : 'F32'
  return new UserError(
    Number.isFinite(value)
      ? `tensor ${JSON.stringify(name)}: ${value} at index ${index} is too large for ${dtype}; use ${wider}`
      : `tensor ${JSON.stringify(name)}: the result at index ${index} is ${value}, not a finite number`,
  )
}

/** @param from index of the first value in its tensor @throws UserError for NaN and Inf, and for values too large for the format */
export function checkedBytes(
  { name, dtype }: { name: string; dtype: string },
  given: Float32Array | Float64Array,
  from = 0,
): Uint8Array {
  if (dtype === 'F64') return wideBytes(name, given, from)
  const values = given instanceof Float32Array ? given : Float32Array.from(given)
  if (!(WRITABLE as readonly string[]).includes(dtype))
    throw new Error(`tensor ${name}: values cannot be written as ${dtype}`)
  const bytes = encode(dtype as WritableDtype, values)
  if (allFinite(dtype as WritableDtype, bytes)) return bytes
  const bad = countNonFinite(values)
  if (bad.count)
    throw new UserError(
      `tensor ${JSON.stringify(name)}: ${bad.count} NaN or Inf of ${values.length} values, the first at index ${from + bad.first}`,
    )
  const halves = new Uint16Array(bytes.buffer)
  const exponent = dtype === 'F16' ? 0x7c00 : 0x7f80
  const first = halves.findIndex((half) => (half & exponent) === exponent)
  throw badResult({ name, dtype }, { index: from + first, value: values[first]! })
}

/** The same of float64, in which every finite number can be stored. */
function wideBytes(name: string, values: Float32Array | Float64Array, from: number): Uint8Array {
  const index = values.findIndex((x: number) => !Number.isFinite(x))
  if (index >= 0) throw badResult({ name, dtype: 'F64' }, { index: from + index, value: values[index]! })
  return new Uint8Array(Float64Array.from(values).buffer)
}
