// How Python writes values: str, repr, json.dumps, and its % of texts.
import { DictView, isNumber, kindOf, Range, Space, Tuple, toNumber, Undefined, used, type Value } from './values.js'

/** repr of a float: the shortest digits, with an exponent below 1e-4 and from 1e16 on. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  const text = Object.is(value, -0) ? '-0' : String(value)
  return text.includes('.') ? text : `${text}.0`
}

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'"
  const body = [...text].map((letter) => {
    if (letter === mark || letter === '\\') return `\\${letter}`
    const named = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[letter]
    if (named) return named
    const code = letter.codePointAt(0)!
    if (letter === ' ' || !/[\p{C}\p{Z}]/u.test(letter)) return letter
    return code < 256 ? `\\x${hex(code, 2)}` : code < 65536 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
  })
  return mark + body.join('') + mark
}

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0')

/** repr. @throws Error for what prints an address in Python */
export function represent(value: Value): string {
  if (typeof value === 'string') return quote(value)
  if (value instanceof Undefined) return 'Undefined'
  return printed(value)
}

/** str. @throws Error for what prints an address in Python, and what is strictly undefined */
export function printed(value: Value): string {
  used(value)
  if (typeof value === 'string') return value
  if (value === null) return 'None'
  if (value instanceof Undefined) return ''
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return floatText(value)
  if (Array.isArray(value)) return `[${value.map(represent).join(', ')}]`
  if (value instanceof Tuple) return `(${value.items.map(represent).join(', ')}${value.items.length === 1 ? ',' : ''})`
  if (value instanceof Range)
    return `range(${[value.start, value.stop, ...(value.step === 1 ? [] : [value.step])].join(', ')})`
  if (value instanceof DictView) return `dict_${value.kind}([${value.items.map(represent).join(', ')}])`
  if (value instanceof Map)
    return `{${[...value].map(([key, each]) => `${represent(key)}: ${represent(each)}`).join(', ')}}`
  throw new Error(`${value instanceof Space ? value.name : kindOf(value)} cannot be printed`)
}

export interface JsonStyle {
  indent?: string
  separators?: [item: string, key: string]
  sorted?: boolean
  ascii?: boolean
}

/** json.dumps. @throws Error for what is no JSON */
export function json(value: Value, style: JsonStyle = {}, depth = 0): string {
  const { indent, sorted, ascii } = style
  const [comma, colon] = style.separators ?? [indent === undefined ? ', ' : ',', ': ']
  const wrap = (open: string, parts: string[], close: string) => {
    if (parts.length === 0) return open + close
    if (indent === undefined) return open + parts.join(comma) + close
    const line = `\n${indent.repeat(depth + 1)}`
    return `${open}${line}${parts.join(comma + line)}\n${indent.repeat(depth)}${close}`
  }
  if (typeof value === 'string') {
    const text = JSON.stringify(value).replace(/\x7f/g, '\x7f')
    return ascii ? text.replace(/[\x7f-\uffff]/g, (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`) : text
  }
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number')
    return Number.isFinite(value)
      ? floatText(value)
      : Number.isNaN(value)
        ? 'NaN'
        : value > 0
          ? 'Infinity'
          : '-Infinity'
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value) || value instanceof Tuple)
    return wrap(
      '[',
      (Array.isArray(value) ? value : value.items).map((each) => json(each, style, depth + 1)),
      ']',
    )
  if (value instanceof Map) {
    const entries = [...value].map(([key, each]): [string, Value] => [typeof key === 'string' ? key : json(key), each])
    if (sorted) entries.sort(([a], [b]) => (a < b ? -1 : Number(a > b)))
    return wrap(
      '{',
      entries.map(([key, each]) => `${json(key, style)}${colon}${json(each, style, depth + 1)}`),
      '}',
    )
  }
  throw new Error(`${kindOf(value)} is no JSON`)
}

/** %(name)s, with flags, width and digits. */
interface Field {
  name?: string
  flags: string
  width?: string
  digits?: string
  kind: string
}

const FIELD = /%(?:\((?<name>\w+)\))?(?<flags>[-+ 0#]*)(?<width>\*|\d+)?(?:\.(?<digits>\d+))?[hlL]?(?<kind>.)/gs

/** text % values. @throws Error for what Python refuses, and for a `*` */
export function formatted(text: string, values: Value): string {
  const list = values instanceof Tuple ? values.items : [values]
  let at = 0
  const nextValue = (name: string | undefined): Value => {
    if (name === undefined && at >= list.length) throw new Error('not enough values for the %')
    const value = name === undefined ? list[at++] : values instanceof Map ? values.get(name) : undefined
    if (value === undefined) throw new Error(`no value for %(${name})`)
    return value
  }
  const result = text.replace(FIELD, (...match: unknown[]) => {
    const field = match.at(-1) as Field
    if (field.kind === '%') return '%'
    if (field.width === '*') throw new Error('% with a width of * is not supported')
    return fillField(field, nextValue(field.name))
  })
  if (at < list.length && !(values instanceof Map) && !(at === 0 && Array.isArray(values) && text.includes('%(')))
    throw new Error('not all values are used by the %')
  return result
}

function fillField({ flags, width = '0', digits, kind }: Field, value: Value): string {
  const body = convert(value, kind, flags, digits === undefined ? undefined : Number(digits))
  if (flags.includes('-')) return body.padEnd(Number(width))
  const numeric = !'srac'.includes(kind)
  if (!flags.includes('0') || !numeric) return body.padStart(Number(width))
  const sign = /^[+\- ]/.exec(body)?.[0] ?? ''
  return sign + body.slice(sign.length).padStart(Number(width) - sign.length, '0')
}

function convert(value: Value, kind: string, flags: string, digits: number | undefined): string {
  if (kind === 's') return [...printed(value)].slice(0, digits).join('')
  if (kind === 'r' || kind === 'a') return [...represent(value)].slice(0, digits).join('')
  if (kind === 'c') return typeof value === 'bigint' ? String.fromCodePoint(Number(value)) : printed(value)
  if (!isNumber(value)) throw new Error(`%${kind} needs a number, got ${kindOf(value)}`)
  const number = toNumber(value)
  const sign = number < 0 || Object.is(number, -0) ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''
  const size = typeof number === 'bigint' ? (number < 0n ? -number : number) : Math.abs(number)
  const base = { d: 10, i: 10, u: 10, x: 16, X: 16, o: 8 }[kind]
  if (base) {
    if (typeof size === 'number' && base !== 10) throw new Error(`%${kind} needs an integer`)
    const text = (typeof size === 'number' ? BigInt(Math.trunc(size)) : size).toString(base).padStart(digits ?? 0, '0')
    return sign + (kind === 'X' ? text.toUpperCase() : text)
  }
  const text = writeReal(Number(size), kind.toLowerCase(), digits ?? 6)
  return sign + (kind === kind.toLowerCase() ? text : text.toUpperCase())
}

/** A size written as f, e or g. @throws Error for another letter */
export function writeReal(size: number, kind: string, digits: number): string {
  const padded = (text: string) => text.replace(/e([+-])(\d)$/, 'e$10$2')
  if (kind === 'f') return size.toFixed(digits)
  if (kind === 'e') return padded(size.toExponential(digits))
  if (kind !== 'g') throw new Error(`%${kind} is not supported`)
  const places = Math.max(1, digits)
  const exponent = size === 0 ? 0 : Number(size.toExponential(places - 1).split('e')[1])
  const text =
    exponent < -4 || exponent >= places ? size.toExponential(places - 1) : size.toFixed(places - 1 - exponent)
  const [mantissa, rest] = text.split('e')
  const short = mantissa!.includes('.') ? mantissa!.replace(/\.?0+$/, '') : mantissa
  return rest === undefined ? short! : padded(`${short}e${rest}`)
}
