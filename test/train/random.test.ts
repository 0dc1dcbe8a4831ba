// Random models: blocks drawn by threads have the bits of the whole tensors, alone and on top of another model.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { hear } from '../../src/progress/index.js'
import { keyOf, normals } from '../../src/tensor/index.js'
import { writeRandom } from '../../src/train/index.js'

/** The embedding of 2.2M entries comes in more than one block. */
const config = {
  ...{ model_type: 'llama', hidden_size: 48, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 4 },
  ...{ vocab_size: 46000, max_position_embeddings: 16, tie_word_embeddings: true },
}
const [EMBEDDING, DOWN, NORM] = [
  'model.embed_tokens.weight',
  'model.layers.0.mlp.down_proj.weight',
  'model.norm.weight',
]

test('a large tensor is that of one draw; a model near another adds a part of its own draw', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'deltalab-random-'))
  t.after(() => rmSync(root, { recursive: true }))
  const at = (name: string) => join(root, name)
  let bytes = 0
  const options = { config, dtype: 'F32', amount: 0.25 } as const
  const unhear = hear((message) => 'done' in message && (bytes = message.done))
  const parameters = await writeRandom(at('base'), { ...options, seed: 1 })
  unhear()
  assert.equal(parameters, 46000 * 48 + 4 * 48 * 48 + 3 * 48 * 64 + 3 * 48)
  assert.equal(bytes, 4 * parameters)
  await writeRandom(at('post'), { ...options, seed: 2, near: at('base') })
  const [base, post] = await Promise.all([at('base'), at('post')].map((folder) => openCheckpoint(folder)))
  const draw = (seed: number, name: string, size: number, deviation: number) =>
    normals(size, keyOf(seed, 'weights', name)).map((value) => deviation * value)
  for (const [name, size, deviation] of [
    [EMBEDDING!, 46000 * 48, 0.5],
    [DOWN!, 48 * 64, 0.5 / Math.sqrt(48)],
  ] as const) {
    const [whole, other] = [draw(1, name, size, deviation), draw(2, name, size, deviation)]
    assert.deepEqual(await base!.read(name), whole)
    assert.deepEqual(
      await post!.read(name),
      whole.map((value, i) => value + 0.25 * other[i]!),
    )
  }
  assert.deepEqual(await post!.read(NORM!), new Float32Array(48).fill(1))
  await Promise.all([base!.close(), post!.close()])
})

test('fresh norms change nothing: 0 where the model multiplies by 1 + w, in whatever spelling, and else 1', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'deltalab-random-'))
  t.after(() => rmSync(root, { recursive: true }))
  const small = { ...config, vocab_size: 8, head_dim: 12 }
  const kinds = [
    [{ ...small, model_type: 'gemma3_text' }, 0],
    [{ model_type: 'gemma3', text_config: small }, 0],
    [{ ...small, model_type: 'olmo2' }, 1],
  ] as const
  for (const [i, [config, fresh]] of kinds.entries()) {
    await writeRandom(join(root, `${i}`), { config, dtype: 'F32', amount: 1, seed: 1 })
    const made = await openCheckpoint(join(root, `${i}`))
    const norms = [...made.tensors.values()].filter(({ shape }) => shape.length === 1)
    assert.ok(norms.length > 4)
    for (const { name, shape } of norms)
      assert.deepEqual(await made.read(name), new Float32Array(shape[0]!).fill(fresh), name)
    await made.close()
  }
})

test('a model that cannot be written leaves nothing', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'deltalab-random-'))
  t.after(() => rmSync(root, { recursive: true }))
  // A fresh weight times 1e40 is above the largest bfloat16, 3.4e38.
  const base = join(root, 'base')
  await writeRandom(base, { config, dtype: 'BF16', amount: 1, seed: 1 })
  await assert.rejects(
    writeRandom(join(root, 'post'), { config, dtype: 'BF16', amount: 1e40, seed: 2, near: base }),
    /embed_tokens\.weight/,
  )
  assert.deepEqual(readdirSync(root), ['base'])
})
