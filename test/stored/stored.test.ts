// mergekit's operations against its own results, bit for bit (test/fixtures/stored): every method in four formats.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decode, encode } from '../../src/checkpoint/dtype.js'
import { methods } from '../../src/merge/mergekit.js'
import { parseWith } from '../../src/schema/index.js'
import { convert, type FloatFormat, type Numbers } from '../../src/stored/index.js'
import { seedTorch } from '../../src/twister/index.js'

interface Case {
  inputs: string
  method: string
  base: boolean
  count: number
  options: Record<string, unknown>
  models: Record<string, number>[]
  seed: number
  format: FloatFormat
  out?: string
  sha256?: string
}
const { inputs, results } = JSON.parse(readFileSync('test/fixtures/stored/cases.json', 'utf8')) as {
  inputs: Record<string, { shape: number[]; base: string; models: string[] }>
  results: Case[]
}

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'))

function decoded(format: FloatFormat, bytes: Uint8Array): Numbers {
  if (format === 'F64') return new Float64Array(bytes.buffer)
  const out = new Float32Array(bytes.length / (format === 'F32' ? 4 : 2))
  decode(format, bytes, out)
  return out
}

const encoded = (format: FloatFormat, values: Numbers): Uint8Array =>
  format === 'F64'
    ? new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    : encode(format, values as Float32Array)

function merged({ inputs: from, method: name, base: based, count, options, models, seed }: Case) {
  const format = from.split(' ')[1] as FloatFormat
  const { shape, base, models: all } = inputs[from]!
  const [own, ...others] = [base, ...all.slice(0, count)].map((text) => decoded(format, bytesOf(text)))
  const method = methods.find((each) => each.name === name)!
  const known = (given: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(given).filter(([key]) => key in method.model.shape))
  const merge = method.stored!.merge
  const values = merge(
    {
      ...{ name: from, format, shape, generator: seedTorch(seed), warn: () => undefined },
      base: based ? own! : null,
      models: name === 'slerp' ? [own!, ...others] : others,
    },
    parseWith(method.options, options, name),
    models.map((each) => parseWith(method.model, known(each), name)),
  )
  return { values, format: method.stored!.formatOf?.(format) ?? format }
}

/** How many entries are not the expected ones, and the largest difference. */
function compare(values: Numbers, wanted: Numbers): { others: number; most: number } {
  let [others, most] = [0, 0]
  for (let i = 0; i < wanted.length; i++) {
    if (Object.is(values[i], wanted[i])) continue
    others++
    most = Math.max(most, Math.abs(values[i]! - wanted[i]!))
  }
  return { others, most }
}

/** Where equal magnitudes lie on the edge of what is kept, mergekit keeps those that its unstable sort leaves there. */
const SORTED = /^(ties|breadcrumbs|della)/
/** The sines of torch's vectors and the dot product of its BLAS may be off by a last bit: so are float32 and float64 of these. */
const inexact = ({ method, inputs: from, options }: Case): boolean =>
  /F32|F64/.test(from) && (method === 'karcher' || (method === 'nuslerp' && options.nuslerp_flatten === false))

test('every method in every format has the bits of mergekit', () => {
  assert.equal(new Set(results.map(({ method }) => method)).size, methods.length)
  for (const each of results.filter((one) => !inexact(one))) {
    const { values, format } = merged(each)
    const what = `${each.method} ${JSON.stringify(each.options)} of ${each.count} in ${each.inputs}`
    assert.equal(format, each.format, what)
    const bytes = encoded(format, values)
    if (each.sha256 !== undefined) {
      assert.equal(createHash('sha256').update(bytes).digest('hex'), each.sha256, what)
      continue
    }
    const { others } = compare(values, decoded(format, bytesOf(each.out!)))
    // Of the sorted ones, those that draw by rank have other draws where ranks differ, and another norm then.
    const allowed = SORTED.test(each.method) ? (each.method.startsWith('della') ? 1 : 0.04) * values.length : 0
    assert.ok(others <= allowed, `${what}: ${others} of ${values.length} entries`)
  }
})

test('karcher and the lines of nuslerp differ by last bits in float32 and float64', () => {
  for (const each of results.filter(inexact)) {
    const { values } = merged(each)
    const { most } = compare(values, decoded(each.format, bytesOf(each.out!)))
    const least = each.format === 'F64' ? 2 ** -52 : 2 ** -23
    assert.ok(most <= 0.5 * least, `${each.method} in ${each.inputs}: ${most}`) // values are up to 0.2
  }
})

test('numbers that are halves of a last place are rounded to even, and too large ones to infinity', () => {
  assert.deepEqual(
    [...convert(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -(2 ** -24), 65519, 65520), 'BF16')],
    [1, 1 + 2 ** -6, -(2 ** -24), 65536, 65536],
  )
  assert.deepEqual(
    [...convert(Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, -(2 ** -25), 3 * 2 ** -25, 65519, 65520), 'F16')],
    [1, 1 + 2 ** -9, -0, 2 ** -23, 65504, Infinity],
  )
})
