// Filters that make a number of a value.
import { strip } from '../strip.js'
import { isNumber, kindOf, toNumber, type Value } from '../values.js'
import { argument, argumentOr, type Call, type Filter, wholeOr } from './call.js'

function rounded(value: Value, call: Call): Value {
  if (!isNumber(value)) throw new Error(`round is for a number, not ${kindOf(value)}`)
  const [digits, way] = [wholeOr(argument(call, 0, 'precision'), 0), argument(call, 1, 'method') ?? 'common']
  if (typeof value === 'bigint') return way === 'common' ? value : Number(value)
  const factor = 10 ** digits
  if (way !== 'common') return (way === 'ceil' ? Math.ceil : Math.floor)(Number(value) * factor) / factor
  // Python rounds the exact value, halves to the even neighbour.
  const number = Number(value)
  const near = Number(number.toFixed(digits))
  const half = Math.abs(Math.abs(number * factor) % 1) === 0.5 && digits === 0
  return half ? 2 * Math.round(number / 2) : near
}

export const NUMBER_FILTERS: Record<string, Filter> = {
  int(value, call) {
    const otherwise = argumentOr(call, 0, 'default', 0n)
    if (isNumber(value)) return typeof value === 'number' ? BigInt(Math.trunc(value)) : BigInt(value)
    if (typeof value !== 'string') return otherwise
    const bare = strip(value).replaceAll('_', '')
    if (/^[+-]?\d+$/.test(bare)) return BigInt(bare.replace('+', ''))
    return bare !== '' && Number.isFinite(Number(bare)) ? BigInt(Math.trunc(Number(bare))) : otherwise
  },
  float(value, call) {
    const otherwise = argumentOr(call, 0, 'default', 0)
    if (isNumber(value)) return Number(value)
    const bare = typeof value === 'string' ? strip(value) : ''
    return bare !== '' && !/^0[xbo]/i.test(bare) && !Number.isNaN(Number(bare)) ? Number(bare) : otherwise
  },
  round: rounded,
  abs(value) {
    if (!isNumber(value)) throw new Error(`abs is for a number, not ${kindOf(value)}`)
    const number = toNumber(value)
    return number < 0 ? -number : number
  },
}
