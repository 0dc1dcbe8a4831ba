// Kernels that read and write number formats: the bits of src/checkpoint/dtype.ts on all halves, on ties of rounding and at the ends.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from '../../src/checkpoint/dtype.js'
import { instantiate } from '../../src/kernels/index.js'
import type { Kernels } from '../../src/kernels/module.js'

const memory = new WebAssembly.Memory({ initial: 64 })
const kernels = instantiate<Kernels>('codec', memory)
const [FROM, TO] = [1 << 10, 1 << 21]

/** What a kernel makes of bytes, followed by zeros as in a machine, and whether it calls a value bad. */
function run(name: 'decode' | 'encode', dtype: 'F32' | 'BF16' | 'F16', input: Uint8Array, size: number) {
  new Uint8Array(memory.buffer).fill(0)
  new Uint8Array(memory.buffer, FROM).set(input)
  const bad = kernels[`${name}${dtype}`](FROM, TO, size) !== 0
  const bytes = name === 'decode' || dtype === 'F32' ? 4 * size : 2 * size
  return { bad, bytes: new Uint8Array(memory.buffer, TO, bytes).slice() }
}
const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength)
const equal = (a: Uint8Array, b: Uint8Array, what: string) => assert.ok(Buffer.from(a).equals(Buffer.from(b)), what)

for (const [dtype, exponent] of [
  ['BF16', 0x7f80],
  ['F16', 0x7c00],
] as const) {
  test(`${dtype}: all halves are read and written back as they are, and what is not finite is called bad`, () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const finite = halves.filter((half) => (half & exponent) !== exponent)
    const values = new Float32Array(finite.length)
    decode(dtype, bytesOf(finite), values)
    const read = run('decode', dtype, bytesOf(finite), finite.length)
    assert.equal(read.bad, false)
    equal(read.bytes, bytesOf(values), 'values')
    const written = run('encode', dtype, bytesOf(values), values.length)
    assert.equal(written.bad, false)
    equal(written.bytes, bytesOf(finite), 'halves')
    for (const half of [exponent, exponent | 1, 0x8000 | exponent, 0xffff])
      for (const place of [0, 6, 16]) {
        const around = Uint16Array.from({ length: 17 }, (_, i) => (i === place ? half : 0x3c00))
        assert.equal(run('decode', dtype, bytesOf(around), 17).bad, true, `${half} at ${place}`)
      }
  })

  test(`${dtype}: floats are rounded to even, and what is too large is called bad`, () => {
    const bits = Uint32Array.from({ length: 100_003 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 0)
    // Ties: exactly between two halves, and one step beside.
    const step = dtype === 'BF16' ? 16 : 13
    for (let i = 0; i < 50_000; i++) bits[i] = ((bits[i]! >>> step) << step) | ((1 << (step - 1)) + [0, 1, -1][i % 3]!)
    const floats = new Float32Array(bits.buffer)
    // In F16 also what becomes subnormal, and around its ends.
    floats.set(
      [65519.996, -65519.996, 2 ** -24, 2 ** -25, 1.5 * 2 ** -24, 2 ** -14 - 2 ** -26, 0, -0, 2 ** -149],
      60_000,
    )
    for (let i = 70_000; i < 90_000; i++) floats[i] = Math.sin(i) * 2 ** -(10 + (i % 18))
    const largest = dtype === 'BF16' ? 3.3961e38 : 65519.998
    const fitting = floats.filter((value) => Math.abs(value) < largest)
    assert.ok(fitting.length > 60_000)
    const { bad, bytes } = run('encode', dtype, bytesOf(fitting), fitting.length)
    assert.equal(bad, false)
    equal(bytes, encode(dtype, fitting), 'halves')
    for (const value of [dtype === 'BF16' ? 3.4e38 : 65520, Infinity, -Infinity, NaN])
      for (const place of [0, 6, 16]) {
        const around = Float32Array.from({ length: 17 }, (_, i) => (i === place ? value : 1))
        assert.equal(run('encode', dtype, bytesOf(around), 17).bad, true, `${value} at ${place}`)
      }
  })
}

test('F32 and F64: values as they are, or rounded once; what is not finite is called bad', () => {
  const floats = Float32Array.from({ length: 1001 }, (_, i) => Math.tan(i) * 2 ** ((i % 250) - 149))
  for (const name of ['decode', 'encode'] as const) {
    const { bad, bytes } = run(name, 'F32', bytesOf(floats), floats.length)
    assert.equal(bad, false)
    equal(bytes, bytesOf(floats), name)
    for (const value of [NaN, Infinity, -Infinity])
      assert.equal(run(name, 'F32', bytesOf(Float32Array.of(1, 2, 3, 4, value)), 5).bad, true)
  }
  const doubles = Float64Array.from({ length: 1001 }, (_, i) =>
    i % 3 ? Math.tan(i) * 10 ** ((i % 80) - 44) : -1 / (i + 1),
  )
  const read = (values: Float64Array) => {
    new Uint8Array(memory.buffer).fill(0)
    new Uint8Array(memory.buffer, FROM).set(bytesOf(values))
    const bad = kernels.decodeF64(FROM, TO, values.length) !== 0
    return { bad, values: new Float32Array(memory.buffer, TO, values.length).slice() }
  }
  assert.deepEqual(read(doubles), { bad: false, values: Float32Array.from(doubles) })
  for (const value of [NaN, -Infinity, 1e39]) assert.equal(read(Float64Array.of(1, 2, value)).bad, true)
})
