// A valid file, changed: values of another type or size, parts cut, repeated or moved, bytes turned. The same seed gives the
// same file. One change in eight is neutral: it may not change what the file means.
import fc from 'fast-check'
import { parse, stringify } from 'yaml'

export type Form = 'json' | 'jsonl' | 'yaml' | 'csv' | 'text' | 'bytes' | 'safetensors'

export interface Mutant {
  bytes: Buffer
  /** The file means what it meant before. */
  neutral: boolean
  /** What was done, in a few words. */
  what: string
}

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const value = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      false,
      0,
      -1,
      1,
      2,
      0.5,
      -0.5,
      1e9,
      1e-9,
      1e308,
      -1e308,
      2 ** 31,
      2 ** 53,
      '',
      '0',
      '5',
      '.',
      '..',
      '../x',
      '\u0000',
      '\u001b[31mred',
      '__proto__',
      'constructor',
      '{{',
      [],
      {},
      [[[[]]]],
      [null],
      { a: { a: {} } },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<unknown>('x'.repeat(100_000), Array(5000).fill(0), '\ud800', 'ﬁ\u202e') },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
)

const SNIPPETS = [
  'NaN',
  'Infinity',
  '-0',
  '16.0',
  '1e400',
  '1e9',
  '0x10',
  '01',
  '9007199254740993',
  '"',
  "'",
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\n',
  '\r',
  '\t',
  '\0',
  '\u001b[2J',
  '\ufeff',
  'null',
  '&a [*a]',
  '*a',
  '<<: *a',
  '!!js/function x',
  '---\n',
  '- ',
  '{{ 1/0 }}',
  '{% for x in range(1e9) %}x{% endfor %}',
  '""',
  '"a":1,',
  '../',
  '%s',
  '~',
  '?',
  '#',
]

const step = fc.record({
  at: place,
  to: place,
  value,
  act: fc.nat(7),
  snippet: fc.constantFrom(...SNIPPETS),
  byte: fc.nat(255),
  route: fc.array(place, { minLength: 6, maxLength: 6 }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

// Without bias: the first run of a sample would be made of smallest values.
const plan = fc.noBias(
  fc.record({
    neutral: fc.nat(7).map((n) => n === 0),
    raw: fc.nat(3).map((n) => n === 0),
    steps: fc.array(step, { minLength: 1, maxLength: 3 }),
  }),
)

/** A container and a key in it: a walk from the root that stops after any step. */
function pick(root: unknown, { route, at }: Step): { holder: Record<string, unknown>; key: string } | undefined {
  let holder = root as Record<string, unknown>
  let found: { holder: Record<string, unknown>; key: string } | undefined
  for (const turn of route) {
    if (typeof holder !== 'object' || holder === null) break
    const keys = Object.keys(holder)
    if (!keys.length) break
    const key = keys[Math.floor(turn * keys.length)]!
    found = { holder, key: key }
    if (at < 0.3) break
    holder = holder[key] as Record<string, unknown>
  }
  return found
}

function changeValue(root: unknown, each: Step): string {
  const found = pick(root, each)
  if (!found) return 'nothing'
  const { holder, key } = found
  const before = holder[key]
  const isList = Array.isArray(holder)
  const set = (to: unknown) =>
    void Object.defineProperty(holder, key, { value: to, enumerable: true, configurable: true, writable: true })
  if (each.act === 0) isList ? (holder as unknown as unknown[]).splice(Number(key), 1) : delete holder[key]
  else if (each.act === 1) set([before])
  else if (each.act === 2 && typeof before === 'number')
    set([-before, before + 0.5, before * 1000, String(before), before - 1, before + 1][Math.floor(each.to * 6)])
  else if (each.act === 2 && typeof before === 'string')
    set(
      [`${before}x`, before.slice(1), before.toUpperCase(), 7, `${before}\u001b[0m`, [before]][Math.floor(each.to * 6)],
    )
  else if (each.act === 3 && isList) (holder as unknown as unknown[]).push(before)
  else if (each.act === 3) holder[`${key}x`] = before
  else if (each.act === 4) {
    const others = Object.keys(holder)
    set(holder[others[Math.floor(each.to * others.length)]!])
  } else set(each.value)
  return `${['without', 'list of', 'near', 'twice', 'swapped', 'set', 'set', 'set'][each.act]} ${key}`
}

function changeText(text: string, { at, to, act, snippet }: Step): string {
  const [begin, length] = [Math.floor(at * text.length), Math.floor(to * 40)]
  const number = [...text.matchAll(/-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi)]
  if (act < 2) return text.slice(0, begin) + text.slice(begin + length)
  if (act === 2) return text.slice(0, begin) + text.slice(begin, begin + length).repeat(3) + text.slice(begin + length)
  if (act === 3) return text.slice(0, begin)
  if (act === 4 && number.length) {
    const one = number[Math.floor(to * number.length)]!
    return text.slice(0, one.index) + snippet + text.slice(one.index + one[0].length)
  }
  return text.slice(0, begin) + snippet + text.slice(begin + (act === 5 ? 1 : 0))
}

function changeBytes(bytes: Buffer, { at, to, act, byte }: Step): Buffer {
  if (!bytes.length) return Buffer.of(byte)
  // Headers and footers decide more than the middle.
  const near =
    to < 0.4
      ? at * Math.min(64, bytes.length)
      : to < 0.7
        ? bytes.length - 1 - at * Math.min(64, bytes.length - 1)
        : at * bytes.length
  const begin = Math.max(0, Math.floor(near))
  const length = 1 + Math.floor(to * 16)
  const part = (from: number, end?: number) => bytes.subarray(from, end)
  if (act === 0) return Buffer.from(part(0, begin))
  if (act === 1) return Buffer.concat([part(0, begin), part(begin + length)])
  if (act === 2) return Buffer.concat([part(0, begin), part(begin, begin + length), part(begin)])
  if (act === 3) return Buffer.concat([bytes, Buffer.alloc(length, byte)])
  const copy = Buffer.from(bytes)
  if (act === 4) copy.fill(byte, begin, Math.min(begin + length, copy.length))
  else if (act === 5) copy[begin] = 255
  else copy[begin]! ^= 1 << (byte & 7)
  return copy
}

const headerOf = (bytes: Buffer) => ({
  text: bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE(0))),
  data: bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))),
})

function packed(text: string, data: Buffer): Buffer {
  const header = Buffer.from(text)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header, data])
}

const reversed = (value: object) => Object.fromEntries(Object.entries(value).reverse())

function neutralOf(form: Form, bytes: Buffer): Buffer | null {
  const text = bytes.toString()
  if (form === 'json') return Buffer.from(JSON.stringify(reversed(JSON.parse(text)), null, 3))
  if (form === 'yaml') return Buffer.from(`# a note\n${stringify(parse(text, { merge: true }))}\n`)
  if (form === 'jsonl')
    return Buffer.from(
      text
        .split('\n')
        .map((line) => (line.trim() ? JSON.stringify(reversed(JSON.parse(line))) : line))
        .join('\r\n'),
    )
  if (form !== 'safetensors') return null
  const { text: header, data } = headerOf(bytes)
  return packed(`${JSON.stringify(reversed(JSON.parse(header)), null, 1)}  `, data)
}

function changed(form: Form, bytes: Buffer, raw: boolean, steps: readonly Step[]): { bytes: Buffer; what: string } {
  if (form === 'bytes' || (form === 'safetensors' && raw))
    return { bytes: steps.reduce(changeBytes, bytes), what: 'bytes' }
  if (form === 'safetensors') {
    const { text, data } = headerOf(bytes)
    const inner = changed(steps[0]!.act === 7 ? 'text' : 'json', Buffer.from(text), false, steps)
    return { bytes: packed(inner.bytes.toString(), data), what: `header: ${inner.what}` }
  }
  const text = bytes.toString()
  if (raw || form === 'csv' || form === 'text')
    return { bytes: Buffer.from(steps.reduce(changeText, text)), what: 'text' }
  if (form === 'jsonl') {
    const lines = text.split('\n')
    const index = Math.floor(steps[0]!.at * Math.max(1, lines.length - 1))
    const inner = changed('json', Buffer.from(lines[index]!), false, steps)
    return {
      bytes: Buffer.from(lines.with(index, inner.bytes.toString()).join('\n')),
      what: `line ${index + 1}: ${inner.what}`,
    }
  }
  const root: unknown = form === 'json' ? JSON.parse(text) : parse(text, { merge: true })
  const what = steps.map((each) => changeValue(root, each)).join(', ')
  return {
    bytes: Buffer.from(form === 'json' ? JSON.stringify(root) : stringify(root, { aliasDuplicateObjects: false })),
    what,
  }
}

/** @param seed of this one change */
export function mutate(form: Form, bytes: Buffer, seed: number): Mutant {
  const { neutral, raw, steps } = fc.sample(plan, { seed, numRuns: 1 })[0]!
  const same = neutral ? neutralOf(form, bytes) : null
  return same
    ? { bytes: same, neutral: true, what: 'neutral' }
    : { ...changed(form, bytes, raw, steps), neutral: false }
}
