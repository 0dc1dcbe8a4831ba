// Experts: which tokens they see, by hand; products of groups against the same written down row by row, to the second derivative.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { agreeOnExperts } from '../../src/checkpoint/experts.js'
import type { Checkpoint } from '../../src/checkpoint/index.js'
import { stacksExperts } from '../../src/checkpoint/orientation.js'
import { isLinear } from '../../src/checkpoint/roles.js'
import { gradientOf, layerInputs } from '../../src/loss/index.js'
import { groupedProduct } from '../../src/models/grouped.js'
import { loadModel, padBatch, planStretches, streaming, type Weights } from '../../src/models/index.js'
import { largestOfRows, type Routes, routeAll, routeTokens } from '../../src/models/routing.js'
import { setBackend, softmax, type Tensor, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { openFixture, worst } from './fixture.js'
import { finest, readerOf } from './streamed.js'

before(() => setBackend(BACKEND))

test('the largest of each row, and of equal ones the first', () => {
  assert.deepEqual([...largestOfRows([1, 3, 2, 5, 5, 5, 0, 7, 7], 3, 2)], [1, 2, 0, 1, 1, 2])
  assert.deepEqual([...largestOfRows([4, 1, 2, 3], 4, 4)], [0, 3, 2, 1])
  assert.deepEqual([...largestOfRows([0.1, 0.3, 0.2, 0.3], 4, 1)], [1])
})

/** Three tokens; the first two experts of each are 2 and 0, 1 and 2, 2 and 1. */
const LOGITS = [
  [1, 0, 2],
  [0, 3, 2],
  [-1, 0, 1],
]

test('pairs by expert and then by token, weighed by their shares', async () => {
  const logits = tf.tensor2d(LOGITS)
  const routes = routeTokens(logits, { top: 2, normalised: true }, 1, 3)!
  assert.deepEqual(
    [routes.sizes, [...routes.tokens]],
    [
      [2, 3],
      [1, 2, 0, 1, 2],
    ],
  )
  const share = (a: number, b: number) => 1 / (1 + Math.exp(b - a))
  const right = [share(3, 2), share(0, 1), share(2, 1), share(2, 3), share(1, 0)]
  ;[...(await routes.weights.data())].forEach((weight, i) => assertClose(weight, right[i]!, { tolerance: 1e-6 }))
  const one = tf.tensor2d([[1, 0, 2]])
  assert.equal(routeTokens(one, { top: 2, normalised: false }, 1, 2), null, 'no token goes to this expert')
})

test('where no values can be read, every token goes to every expert, with the same weights', async () => {
  for (const normalised of [true, false]) {
    const weights = (routes: Routes) => {
      const table = new Float32Array(9)
      const values = routes.weights.dataSync()
      let at = 0
      routes.sizes.forEach((size, expert) => {
        for (let i = 0; i < size; i++, at++) table[routes.tokens[at]! * 3 + expert]! += values[at]!
      })
      return table
    }
    tf.tidy(() => {
      const logits = tf.tensor2d(LOGITS)
      const some = weights(routeTokens(logits, { top: 2, normalised }, 0, 3)!)
      const all = weights(routeAll(softmax(logits), { top: 2, normalised }, 0, 3))
      assert.ok(worst(all, some) < 1e-6)
      assert.equal(all.filter((weight) => weight === 0).length, 3)
    })
  }
})

test('products of groups with a matrix each, their derivatives, and the derivatives of these', async () => {
  const sizes = [2, 0, 3]
  const wave = (shape: number[], step: number) =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(step * (i + 1))),
      shape,
    )
  for (const turned of [true, false]) {
    tf.tidy(() => {
      const [x, w] = [wave([5, 4], 0.7), wave(turned ? [3, 3, 4] : [3, 4, 3], 0.3)]
      const [along, across, factor] = [wave([5, 4], 1.1), wave(w.shape, 0.9), wave([5, 3], 0.5)]
      const plain = (rows: Tensor, matrices: Tensor): Tensor => {
        const each = tf.unstack(matrices) as tf.Tensor2D[]
        const owner = [0, 0, 2, 2, 2]
        return tf.concat(
          tf.split(rows as tf.Tensor2D, 5, 0).map((row, i) => tf.matMul(row, each[owner[i]!]!, false, turned)),
          0,
        )
      }
      const grouped = (rows: Tensor, matrices: Tensor) => groupedProduct(rows, matrices, sizes, turned)
      const all = (f: typeof plain): Tensor[] => {
        const loss = (rows: Tensor, matrices: Tensor) => f(rows, matrices).square().mul(factor).sum()
        const slope = tf.grads(loss)
        const bend = tf.grads((rows: Tensor, matrices: Tensor) => {
          const [a, b] = slope([rows, matrices])
          return a!.mul(along).sum().add(b!.mul(across).sum())
        })
        return [f(x, w), ...slope([x, w]), ...bend([x, w])]
      }
      const right = all(plain)
      all(grouped).forEach((found, i) =>
        assert.ok(worst(found.dataSync(), right[i]!.dataSync()) < 1e-6, `${turned} ${i}`),
      )
    })
  }
})

/** The fixture's weights with the experts of some tensors fused, as transformers 5 has them in memory. */
function fuse(values: ReadonlyMap<string, Float32Array>, leaves: readonly string[]) {
  const parts = leaves.includes('gate_up_proj')
    ? { gate_up_proj: ['w1', 'w3'], down_proj: ['w2'] }
    : { down_proj: ['w2'] }
  const fused = new Map(values)
  for (const layer of [0, 1])
    for (const [leaf, own] of Object.entries(parts)) {
      const names = [0, 1, 2, 3].flatMap((e) =>
        own.map((part) => `model.layers.${layer}.block_sparse_moe.experts.${e}.${part}.weight`),
      )
      const all = names.flatMap((name) => [...values.get(name)!])
      for (const name of names) fused.delete(name)
      fused.set(`model.layers.${layer}.mlp.experts.${leaf}`, Float32Array.from(all))
    }
  return fused
}

test('fused experts, or some of them, give the losses and gradients of experts one by one', async () => {
  const { model: plain, config, shapes, values, post, base, batch } = await openFixture('mixtral')
  const right = (await gradientOf(plain, post, [batch('main')])).gradient
  for (const leaves of [['gate_up_proj', 'down_proj'], ['down_proj']]) {
    const [all, wanted] = [fuse(values.post, leaves), fuse(right, leaves)]
    const fusedShapes = { gate_up_proj: [4, 32, 16], down_proj: [4, 16, 16] } as Record<string, number[]>
    const stored = Object.fromEntries(
      [...all.keys()].map((name) => [name, shapes[name] ?? fusedShapes[name.split('.').at(-1)!]!]),
    )
    const model = loadModel(config, stored)
    assert.deepEqual(
      [...model.linear].sort(),
      Object.keys(stored)
        .filter((name) => isLinear(name, stored[name]!))
        .sort(),
    )
    const held: Weights = Object.fromEntries([...all].map(([name, each]) => [name, tf.tensor(each, stored[name])]))
    for (const weights of [held, streaming(model, finest(model), readerOf(model, all))]) {
      const { gradient } = await gradientOf(model, weights, [batch('main')])
      assert.deepEqual([...gradient.keys()].sort(), [...wanted.keys()].sort())
      for (const [name, each] of wanted) assert.ok(worst(gradient.get(name)!, each, 1e-3) < 1e-5, name)
    }
    tf.dispose(held)
  }
  assert.deepEqual(
    plain.linear.filter((name) => !isLinear(name, shapes[name]!)),
    [],
  )
  for (const model_type of ['mixtral', 'qwen2_moe', 'qwen3_moe', 'axk1', 'kimi_linear'])
    assert.ok(stacksExperts({ model_type }), 'a pair may have the two spellings')
  assert.ok(!stacksExperts({ model_type: 'gpt_oss' }) && !stacksExperts({ text_config: { model_type: 'llama4_text' } }))
  tf.dispose([post, base])
})

test('experts that a batch does not use have a gradient of 0, and are fed nothing', async () => {
  const { model, post, base, values } = await openFixture('mixtral')
  const batch = padBatch([{ prompt: [5], target: [7] }], [0], 0)
  const experts = Object.keys(model.shapes).filter((name) => /layers\.0\..*experts.*w1/.test(name))
  const fed = await layerInputs(model, post, [batch], experts)
  // The second token is predicted and not read, and its place is filled: two tokens, two experts each.
  assert.ok(fed.size >= 2 && fed.size < 4)
  assert.equal(
    [...fed.values()].reduce((sum, { tokens }) => sum + tokens, 0),
    4,
  )
  for (const weights of [post, streaming(model, finest(model), readerOf(model, values.post))]) {
    const { gradient } = await gradientOf(model, weights, [batch])
    for (const name of experts)
      if (!fed.has(name))
        assert.ok(
          gradient.get(name)!.every((x) => x === 0),
          name,
        )
    assert.ok([...gradient.values()].every((each) => each.every(Number.isFinite)))
  }
  tf.dispose([post, base])
})

test('a layer of many experts comes in parts that fit the bound', () => {
  const model = loadModel({
    model_type: 'qwen3_moe',
    vocab_size: 1000,
    hidden_size: 256,
    intermediate_size: 512,
    moe_intermediate_size: 128,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_local_experts: 64,
    num_experts_per_tok: 4,
  })
  const load = { total: 64, largest: 64, columns: 16, counted: 64 }
  const expert = 4 * 3 * 128 * 256
  const plan = planStretches(model, 4 * 16 * expert, load, { kind: 'forward' })
  const parts = plan.stretches.flatMap(({ blocks, parts }) => (blocks[0]!.name === 'layer 0' ? parts : []))
  assert.deepEqual(parts.slice(0, 2), [
    { from: 0, to: 8 },
    { from: 8, to: 16 },
  ])
  assert.equal(parts.length, 8)
})

test('what a config.json says of experts that is not computed here, or by nobody, is refused by its name', () => {
  const config = {
    model_type: 'mixtral',
    architectures: ['MixtralForCausalLM'],
    vocab_size: 20,
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
  }
  const load = (more: object) => () => loadModel({ ...config, ...more })
  assert.throws(
    load({ output_router_logits: true }),
    /output_router_logits true is not supported: .*0\.001 \(router_aux_loss_coef\)/,
  )
  load({ output_router_logits: true, router_aux_loss_coef: 0 })()
  load({ output_router_logits: true, architectures: ['MixtralForSequenceClassification'] })()
  assert.throws(load({ num_experts_per_tok: 9 }), /num_experts_per_tok 9 is more than the 8 experts/)
  assert.throws(
    load({ num_experts: 4, num_local_experts: 6 }),
    /num_local_experts 6 and num_experts 4 differ, and name the same/,
  )
  assert.throws(load({ layer_types: ['full_attention', 'sliding_attention'] }), /layer_types says sliding_attention/)
  const qwen = { model_type: 'qwen2_moe', architectures: ['Qwen2MoeForCausalLM'], num_experts: 4 }
  assert.throws(load({ ...qwen, layer_types: ['sliding_attention', 'full_attention'] }), /use_sliding_window false/)
  assert.throws(
    load({ model_type: 'olmoe', architectures: ['OlmoeForCausalLM'] }),
    /model_type "olmoe".* cannot be run/,
  )
})

test('where one matrix of the experts is stored [in, out], square ones beside it are not taken for [out, in]', () => {
  const entry = (name: string, shape: number[]) => [name, { name, dtype: 'F32', shape, file: '', begin: 0, end: 0 }]
  const checkpoint = (tensors: Record<string, number[]>) =>
    ({
      config: { model_type: 'unheard_of' },
      tensors: new Map(Object.entries(tensors).map(([name, shape]) => entry(name, shape) as never)),
    }) as unknown as Checkpoint
  const at = 'model.layers.0.mlp.experts'
  const single = checkpoint(
    Object.fromEntries(
      [0, 1].flatMap((e) => [
        [`${at}.${e}.gate_proj.weight`, [2, 4]],
        [`${at}.${e}.up_proj.weight`, [2, 4]],
        [`${at}.${e}.down_proj.weight`, [4, 2]],
      ]),
    ),
  )
  const stacked = checkpoint({ [`${at}.gate_up_proj`]: [2, 4, 4], [`${at}.down_proj`]: [2, 4, 2] })
  const turned = checkpoint({ [`${at}.gate_up_proj`]: [2, 4, 4], [`${at}.down_proj`]: [2, 2, 4] })
  for (const [lead, other] of [
    [single, stacked],
    [stacked, single],
  ] as const)
    assert.deepEqual([...agreeOnExperts(lead, other).tensors.keys()], [...lead.tensors.keys()])
  assert.equal(agreeOnExperts(single, turned), turned)
  assert.equal(agreeOnExperts(turned, single), single)
})
