// Every kind of corrupt safetensors file, built byte by byte, gives its one line before a weight is read.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { duplicateKey, readHeader } from '../../src/checkpoint/header.js'
import { UserError } from '../../src/errors/index.js'
import { file, temporary } from './files.js'

const path = join(temporary(), 'x.safetensors')
const a = { dtype: 'F32', shape: [2], data_offsets: [0, 8] }

async function lineOf(bytes: Uint8Array): Promise<string> {
  writeFileSync(path, bytes)
  const error = await readHeader(path).then(
    () => assert.fail('was accepted'),
    (error) => error,
  )
  assert.ok(error instanceof UserError, String(error.stack))
  assert.ok(error.message.startsWith(`${path}: `) || error.message.includes(path), error.message)
  assert.ok(!error.message.includes('\n'))
  return error.message
}

const cases: [string, Uint8Array, RegExp][] = [
  ['an empty file', Buffer.alloc(0), /is empty: the download failed or was stopped/],
  ['a file of fewer than 8 bytes', Buffer.of(1, 2, 3), /not a safetensors file: 3 bytes/],
  ['a header longer than the file', file('{}', 0, 3n), /header length 3 is beyond the end of the file \(10 bytes\)/],
  ['a page of the web', Buffer.from('<!DOCTYPE html><html>'), /is an HTML page: the download failed/],
  ['a length that is no length', Buffer.alloc(20, 200), /header length \d+ is beyond the end/],
  ['broken JSON', file('{"a":'), /header is not valid JSON/],
  ['bytes that are not UTF-8', file('{"a\u00ff": 1}').fill(0xff, 11, 12), /header is not valid JSON/],
  ['a list for a header', file([]), /header is not a JSON object/],
  ['a duplicate name', file(`{"a":${JSON.stringify(a)},"a":${JSON.stringify(a)}}`, 8), /"a" occurs twice/],
  [
    'a duplicate name that is escaped',
    file(`{"a":${JSON.stringify(a)},"\\u0061":${JSON.stringify(a)}}`, 8),
    /"a" occurs twice/,
  ],
  [
    'a duplicate field',
    file('{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}', 8),
    /"dtype" occurs twice/,
  ],
  ['metadata that is not text', file({ __metadata__: { step: 3 }, a }, 8), /__metadata__ must hold strings/],
  ['a tensor that is no object', file({ a: [1] }), /tensor "a": its header entry is not an object/],
  ['an unknown dtype', file({ a: { ...a, dtype: 'F23' } }, 8), /unknown dtype in .*tensor "a" "F23"; did you mean "F/],
  ['a shape that is no list', file({ a: { ...a, shape: 2 } }, 8), /tensor "a": shape 2 is not a list/],
  ['a negative side', file({ a: { ...a, shape: [-2] } }, 8), /tensor "a": shape \[-2\]/],
  ['a fractional side', file({ a: { ...a, shape: [2.5] } }, 8), /tensor "a": shape \[2.5\]/],
  [
    'a side written as a fraction',
    file('{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}', 8),
    /header holds the number 2\.0; sizes and offsets are whole/,
  ],
  ['an exponent', file('{"a":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}', 8), /header holds the number 2e0/],
  ['an escape code in a name', file({ 'a\u001b[31m': a }, 8), /tensor "a\\u001b\[31m": control characters in a name/],
  ['a byte-order mark', file(`\ufeff${JSON.stringify({ a })}`, 8), /header is not valid JSON/],
  [
    'a side beyond 2^53',
    file('{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,8]}}', 8),
    /tensor "a": shape/,
  ],
  [
    'sides whose product overflows',
    file({ a: { ...a, shape: [2 ** 52, 2 ** 52, 2 ** 52] } }, 8),
    /tensor "a": 8 bytes, but F32/,
  ],
  ['no offsets', file({ a: { ...a, data_offsets: undefined } }, 8), /tensor "a": data_offsets nothing is not a pair/],
  ['three offsets', file({ a: { ...a, data_offsets: [0, 4, 8] } }, 8), /tensor "a": data_offsets/],
  ['a negative offset', file({ a: { ...a, data_offsets: [-8, 0] } }, 8), /tensor "a": data_offsets/],
  [
    'offsets that run backwards',
    file({ a: { ...a, data_offsets: [8, 0] } }, 8),
    /tensor "a": data_offsets \[8, 0\] run backwards/,
  ],
  ['offsets beyond the file (truncated)', file({ a }, 7), /tensor "a": bytes 0 to 8 lie outside the 7 data bytes/],
  ['a wrong byte count', file({ a: { ...a, shape: [3] } }, 8), /tensor "a": 8 bytes, but F32 \[3\] takes 12/],
  [
    'tensors that overlap',
    file({ a, b: { ...a, data_offsets: [4, 12] } }, 12),
    /tensor "b" overlaps tensor "a" by 4 bytes/,
  ],
  ['two tensors in one place', file({ a, b: a }, 8), /tensor "b" overlaps tensor "a" by 8 bytes/],
  [
    'a hole between tensors',
    file({ a, b: { ...a, data_offsets: [12, 20] } }, 20),
    /4 bytes between tensor "a" and tensor "b"/,
  ],
  [
    'a hole before the first',
    file({ a: { ...a, data_offsets: [4, 12] } }, 12),
    /4 bytes between the header and tensor "a"/,
  ],
  ['bytes after the last', file({ a }, 9), /1 bytes after tensor "a" belong to no tensor/],
]

for (const [what, bytes, expected] of cases) test(what, async () => assert.match(await lineOf(bytes), expected))

test('an absurd header length is refused without reading it', async () => {
  const { truncateSync } = await import('node:fs')
  writeFileSync(path, file('{}', 0, 200_000_000n))
  truncateSync(path, 300_000_000) // sparse
  const error = await readHeader(path).catch((error) => error)
  assert.match(error.message, /header length 200000000 is too large/)
})

test('a missing file is named', async () => {
  await assert.rejects(readHeader(`${path}.none`), { name: 'UserError', message: `${path}.none: no such file` })
})

test('scalars, empty tensors, padding after the header and any order of offsets are accepted', async () => {
  const header = {
    b: { dtype: 'F32', shape: [], data_offsets: [2, 6] },
    a: { dtype: 'BF16', shape: [1], data_offsets: [0, 2] },
    none: { dtype: 'I64', shape: [0, 3], data_offsets: [6, 6] },
  }
  const text = `${JSON.stringify(header)}   `
  writeFileSync(path, file(text, 6))
  const { entries } = await readHeader(path)
  const data = 8 + text.length
  assert.deepEqual(
    entries.map(({ name, begin, end }) => [name, begin - data, end - data]),
    [
      ['b', 2, 6],
      ['a', 0, 2],
      ['none', 6, 6],
    ],
  )
})

test('duplicate keys: none is found in what JSON.stringify writes, and a copied member always is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => duplicateKey(JSON.stringify(value)) === null),
    { numRuns: 300 },
  )
  fc.assert(
    fc.property(
      fc.string(),
      fc.jsonValue(),
      fc.jsonValue(),
      (key, one, two) =>
        duplicateKey(
          `[{${JSON.stringify(key)} : ${JSON.stringify(one)}, ${JSON.stringify(key)}:${JSON.stringify(two)}}]`,
        ) === key,
    ),
    { numRuns: 300 },
  )
})
