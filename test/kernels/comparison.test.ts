// The comparison of two tensors as they are stored, in BF16: what that of the same numbers in float32 gives, bit for bit.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '../../src/checkpoint/dtype.js'
import { makeMachine, PassError, readComparison, stripOf, type TensorPass } from '../../src/kernels/index.js'
import { hardValues } from '../../src/laws/samples.js'

/** Rounded to BF16, so that both formats hold the same numbers. */
const rounded = (values: Float32Array): Float32Array => {
  const bits = new Uint16Array(encode('BF16', values).slice().buffer)
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer)
}

function compared(dtype: 'BF16' | 'F32', base: Float32Array, post: Float32Array, columns = base.length) {
  const files: Record<string, Uint8Array> = { base: encode(dtype, base), post: encode(dtype, post) }
  const machine = makeMachine(1 << 24, {
    read: (file, target, position) => target.set(files[file]!.subarray(position, position + target.length)),
    write: () => undefined,
  })
  const [size, strip] = [base.length, stripOf(columns)]
  const pass: TensorPass = {
    ...{ tensor: 1, size, strip, columns, from: 0, to: size, runs: null },
    base: { file: 'base', begin: 0, dtype },
    models: [{ file: 'post', begin: 0, dtype }],
    ...{ deltas: [true], resident: false, stages: [[]], write: null },
    reductions: [{ sum: 'compare', of: 'base', with: 'post' }],
  }
  return readComparison(machine.run(pass).answers[0] as Int32Array)
}

test('BF16 as it is stored gives what its numbers give: strips of any length, many zeros, both zeros, fine differences, huge ones', () => {
  for (const [rows, columns] of [
    [1, 1],
    [1, 7],
    [1, 17],
    [3, 5711],
    [130, 129],
    [40, 4096],
    [2, 20003],
  ] as const) {
    const base = rounded(hardValues(rows * columns))
    const moved = rounded(hardValues(rows * columns, 1))
    const posts = {
      other: moved,
      near: rounded(base.map((value, i) => value * (i % 3 ? 1 : 1 + 2 ** -7))),
      'mostly equal': base.map((value, i) => (i % 20 ? value : moved[i]!)),
      equal: base,
      huge: rounded(base.map((value, i) => (i % 50 ? value : (i % 4 ? 1 : -1) * 3e38))),
    }
    for (const [name, post] of Object.entries(posts))
      assert.deepEqual(compared('BF16', base, post, columns), compared('F32', base, post, columns), `${name} ${rows}`)
  }
})

test('zeros are counted together, and -0 with them', () => {
  const base = Float32Array.from({ length: 1000 }, (_, i) => (i % 2 ? 0 : -0))
  const post = Float32Array.from({ length: 1000 }, (_, i) => (i % 3 ? 0 : i % 5 ? -0 : 0.5))
  const { sums, bins } = compared('BF16', base, post)
  assert.deepEqual([sums[5], sums[6]], [933, 0.5])
  assert.deepEqual(
    bins.map((list) => [...list]),
    [[0, 933, 0x3f000000 >> 15, 67]],
  )
})

test('BF16 that is not finite: of which, and where it is in the whole tensor', () => {
  for (const bad of [NaN, Infinity, -Infinity])
    for (const index of [0, 30_000]) {
      const fine = new Float32Array(40_000).fill(1)
      const other = fine.map((value, i) => (i === index ? bad : value))
      const expect = (of: PassError['of']) => (error: unknown) =>
        error instanceof PassError && error.of === of && error.index === index && Object.is(error.value, bad)
      assert.throws(() => compared('BF16', fine, other, 100), expect(0))
      assert.throws(() => compared('BF16', other, fine, 100), expect('base'))
    }
})
