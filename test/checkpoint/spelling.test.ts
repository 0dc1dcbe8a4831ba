// Texts changed in part: layout and numbers of what stays, spelling of numbers that move or come, and keys that stand twice.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rewriteJson } from '../../src/checkpoint/index.js'

const text = `{
    "rope_theta": 10000.0, "eps": 1e-05, "big": 12345678901234567890, "large": 1e6,
  "half": 0.50,
  "layers": 2,
  "list": [4.0, 0.5],
  "nested": {"factor": 8.0, "caf\\u00e9": "\\u00e9", "kept": [1.0, 2]}
}
`
const read = () => JSON.parse(text)

test('what is not changed is not touched, layout and escapes included', () => {
  assert.equal(rewriteJson(text, read()), text)
  assert.equal(rewriteJson(text, { ...read(), layers: 3 }), text.replace('"layers": 2', '"layers": 3'))
  assert.equal(
    rewriteJson(text, { ...read(), nested: { ...read().nested, factor: 4 } }),
    text.replace('8.0', '4.0'),
    'a float stays one',
  )
})

test('numbers of a list that is stacked keep their spelling', () => {
  const changed = rewriteJson(text, { ...read(), list: [4, 0.5, 4, 0.5] })
  assert.match(changed, /"list": \[\s*4\.0,\s*0\.5,\s*4\.0,\s*0\.5\s*\]/)
  assert.ok(changed.includes('12345678901234567890') && changed.includes('1e-05') && changed.includes('1e6'))
})

test('keys go, and come in their place', () => {
  const { eps: _, ...rest } = read()
  const changed = rewriteJson(text, { first: 1, ...rest, last: [] })
  assert.deepEqual(Object.keys(JSON.parse(changed)), [
    'first',
    'rope_theta',
    'big',
    'large',
    'half',
    'layers',
    'list',
    'nested',
    'last',
  ])
  assert.ok(changed.includes('10000.0') && changed.includes('0.50'))
})

test('a key that stands twice does not bring the old value back', () => {
  assert.deepEqual(JSON.parse(rewriteJson('{"a": 1, "a": 2}', { a: 3 })), { a: 3 })
})

test('a key that every object inherits goes like any other', () => {
  assert.deepEqual(JSON.parse(rewriteJson('{"a": {"toString": {}, "b": 1.0}}', { a: { b: 1 } })), { a: { b: 1 } })
})

test('any object of any layout becomes the one that is wanted', () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true })
  fc.assert(
    fc.property(object, object, fc.nat(4), (before, after, indent) => {
      const wanted = JSON.parse(JSON.stringify({ ...before, ...after }))
      assert.deepEqual(JSON.parse(rewriteJson(JSON.stringify(before, null, indent), wanted)), wanted)
    }),
  )
})
