// Long causal texts attend block by block: values, gradients and second derivatives are those of all scores at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attend } from '../../src/models/layers.js'
import { causalMask } from '../../src/models/masks.js'
import { keyedNormal, keyOf, setBackend, type Tensor, tf } from '../../src/tensor/index.js'
import { worst } from './fixture.js'

const [heads, kvHeads, headDim] = [4, 2, 4]

/** Texts of which the second ends early, or all of one length. */
function setting(rows: number, columns: number, isShort: boolean) {
  const mask = new Int32Array(rows * columns).fill(1)
  if (isShort) mask.fill(0, mask.length - columns, mask.length - columns + 40)
  const none = new Int32Array(0)
  const batch = { rows, columns, mask, ids: none, positions: none, labels: none, items: none }
  const random = (name: string, width: number) => keyedNormal([rows * columns, width], keyOf(name))
  const tokens = [random('q', heads * headDim), random('k', kvHeads * headDim), random('v', kvHeads * headDim)]
  // What stands where padding is has no part in any output.
  const real = tf.tensor(mask, [mask.length, 1], 'float32')
  return { mask: causalMask(batch), tokens, real, dy: random('dy', heads * headDim) }
}

for (const [rows, columns, isShort, cap] of [
  [1, 300, false, undefined],
  [1, 1050, false, undefined],
  [2, 1050, true, undefined],
  [1, 1050, false, 5],
] as const)
  test(`${rows} texts of ${columns} tokens${isShort ? ', one padded in front' : ''}${cap ? ', scores with a cap' : ''}`, async () => {
    await setBackend('wasm')
    const { mask, tokens, real, dy } = setting(rows, columns, isShort)
    const sizes = { heads, kvHeads, headDim, layer: 0, ...(cap && { cap }) }
    const by =
      (causal?: true) =>
      (...[q, k, v]: Tensor[]) =>
        attend([q!, k!, v!], mask, { rows, tables: { mask } }, { ...sizes, ...(causal && { causal }) }).mul(real)
    // The gradient along a direction is moved once more: H·dy.
    const twice = (f: ReturnType<typeof by>) => (x: Tensor) =>
      tf.grads((q: Tensor) => f(q, tokens[1]!, tokens[2]!).square())([x], dy)[0]!
    const before = tf.memory().numTensors
    const results = (causal?: true): Tensor[] =>
      tf.tidy(() => {
        const f = by(causal)
        return [f(...tokens), ...tf.grads(f)(tokens, dy), tf.grad(twice(f))(tokens[0]!, dy)]
      })
    const [found, wanted] = [results(true), results()]
    for (const [i, each] of found.entries())
      assert.ok(
        worst((await each.data()) as Float32Array, (await wanted[i]!.data()) as Float32Array, 1e-2) < 1e-4,
        `${i}`,
      )
    tf.dispose([found, wanted])
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([mask, tokens, real, dy])
  })
