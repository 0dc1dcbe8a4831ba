// Number formats: decoding against the definition of each format, rounding against an independent one in float64.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allFinite, countNonFinite, decode, encode } from '../../src/checkpoint/dtype.js'

const all = Uint16Array.from({ length: 65536 }, (_, i) => i)

/** Value of a small float with `e` exponent and `m` fraction bits, by the definition of IEEE 754. */
function decodedValue(half: number, e: number, m: number): number {
  const bias = 2 ** (e - 1) - 1
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> m) & (2 ** e - 1)
  const fraction = (half & (2 ** m - 1)) / 2 ** m
  if (exponent === 2 ** e - 1) return fraction ? NaN : sign * Infinity
  return sign * (exponent ? (1 + fraction) * 2 ** (exponent - bias) : fraction * 2 ** (1 - bias))
}

/** Nearest multiple of the format's step, ties to even, in float64; beyond the largest finite value, Infinity. */
function rounded(x: number, e: number, m: number): number {
  if (!Number.isFinite(x) || x === 0) return x
  const smallest = 2 - 2 ** (e - 1)
  const step = 2 ** (Math.max(smallest, exponentOf(x)) - m)
  const q = Math.abs(x) / step
  const floor = Math.floor(q)
  const up = q - floor > 0.5 || (q - floor === 0.5 && floor % 2 === 1)
  const result = (floor + (up ? 1 : 0)) * step
  return Math.sign(x) * (result >= 2 ** (2 ** (e - 1)) ? Infinity : result)
}

function exponentOf(x: number): number {
  let e = Math.floor(Math.log2(Math.abs(x)))
  if (2 ** e > Math.abs(x)) e--
  if (2 ** (e + 1) <= Math.abs(x)) e++
  return e
}

for (const [dtype, e, m] of [
  ['F16', 5, 10],
  ['BF16', 8, 7],
] as const) {
  const decoded = new Float32Array(65536)
  decode(dtype, new Uint8Array(all.buffer), decoded)

  test(`${dtype}: all 65536 patterns decode to their value`, () => {
    for (const half of all)
      assert.ok(Object.is(decoded[half], decodedValue(half, e, m)), `0x${half.toString(16)}: ${decoded[half]}`)
  })

  test(`${dtype}: what was decoded encodes to the same bits, NaN to a NaN`, () => {
    const again = new Uint16Array(encode(dtype, decoded).buffer)
    const nan = (half: number): boolean => Number.isNaN(decodedValue(half, e, m))
    for (const half of all)
      assert.ok(
        nan(half) ? nan(again[half]!) : again[half] === half,
        `0x${half.toString(16)} → 0x${again[half]!.toString(16)}`,
      )
  })

  const check = (x: number): void => {
    const out = new Float32Array(1)
    decode(dtype, encode(dtype, Float32Array.of(x)), out)
    assert.ok(Object.is(out[0], rounded(x, e, m)), `${x} → ${out[0]}, not ${rounded(x, e, m)}`)
  }

  test(`${dtype}: any float32 rounds to nearest, ties to even, subnormals and overflow included`, () => {
    fc.assert(fc.property(fc.float({ noNaN: true }), check), { numRuns: 5000 })
    // Near the range of the format, where most random floats are not.
    fc.assert(fc.property(fc.float({ noNaN: true, min: Math.fround(-70000), max: 70000 }), check), { numRuns: 5000 })
    fc.assert(fc.property(fc.float({ noNaN: true, min: Math.fround(-1e-4), max: Math.fround(1e-4) }), check), {
      numRuns: 5000,
    })
  })

  test(`${dtype}: exact ties go to the even neighbour`, () => {
    for (let half = 0; half < 0x7bff; half += 7) {
      const middle = (decodedValue(half, e, m) + decodedValue(half + 1, e, m)) / 2
      if (Math.fround(middle) !== middle) continue
      const bits = new Uint16Array(encode(dtype, Float32Array.of(middle, -middle)).buffer)
      const even = half % 2 ? half + 1 : half
      assert.deepEqual([...bits], [even, even | 0x8000])
    }
  })
}

test('F16: 65504 is the largest; 65519.996 still rounds to it and 65520 does not', () => {
  assert.deepEqual(
    [...new Uint16Array(encode('F16', Float32Array.of(65504, 65519.996, 65520, 1e30)).buffer)],
    [0x7bff, 0x7bff, 0x7c00, 0x7c00],
  )
})

test('F64 is rounded to float32', () => {
  const out = new Float32Array(3)
  decode('F64', new Uint8Array(Float64Array.of(0.1, 1e300, -2).buffer), out)
  assert.deepEqual([...out], [Math.fround(0.1), Infinity, -2])
})

test('NaN and both infinities are counted, the first is found', () => {
  assert.deepEqual(countNonFinite(Float32Array.of(1, 3.4e38, -Infinity, NaN, Infinity)), { count: 3, first: 2 })
  assert.deepEqual(countNonFinite(Float32Array.of(0, -0, 1e-45)), { count: 0, first: -1 })
})

test('whether all are finite: every pattern of 16 bits, alone and at each place among others; float32 at its edges', () => {
  for (const [dtype, exponent] of [
    ['BF16', 0x7f80],
    ['F16', 0x7c00],
  ] as const) {
    for (let word = 0; word < 65536; word++) {
      const finite = (word & exponent) !== exponent
      for (const [length, place] of [
        [1, 0],
        [2, 0],
        [2, 1],
        [3, 2],
      ]) {
        const words = new Uint16Array(length!).fill(exponent - 1)
        words[place!] = word
        if (allFinite(dtype, new Uint8Array(words.buffer)) !== finite)
          assert.fail(`${dtype} ${word.toString(16)} at ${place} of ${length}`)
      }
    }
  }
  for (const [value, finite] of [
    [3.4028234e38, true],
    [-3.4028234e38, true],
    [0, true],
    [1e-45, true],
    [Infinity, false],
    [-Infinity, false],
    [NaN, false],
  ] as const) {
    assert.equal(allFinite('F32', new Uint8Array(Float32Array.of(1, value, 2).buffer)), finite, String(value))
  }
})
