// Greedy generation against transformers, alone and batched; drafts, which change no answer; scores of generated answers.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { encodeItems, evaluateTask, generate } from '../../src/evaluate/index.js'
import { loadModel, type Source, sourceOf } from '../../src/models/index.js'
import type { Task } from '../../src/tasks/index.js'
import { tf } from '../../src/tensor/index.js'
import { type Fixture, openFixture } from '../models/fixture.js'
import { idTokenizer as tokenizer } from '../tokenizer/ids.js'

let fixture: Fixture
before(async () => {
  fixture = await openFixture('llama3')
})

test('greedy ids of base and post equal those of transformers, one prompt at a time and batched with left padding', async () => {
  const { model, expected } = fixture
  const prompts = expected.generation.map(({ prompt }) => prompt)
  for (const which of ['base', 'post'] as const) {
    const before = tf.memory().numTensors
    const right = expected.generation.map((each) => each[which].ids)
    const options = { maxNewTokens: right[0]!.length }
    assert.deepEqual(await generate(model, fixture[which], prompts, options), right)
    for (const [i, prompt] of prompts.entries())
      assert.deepEqual(await generate(model, fixture[which], [prompt], options), [right[i]])
    assert.deepEqual(await generate(model, fixture[which], prompts, { ...options, rows: 1 }), right)
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
  }
})

test('texts that grow beyond the positions of LongRoPE are turned anew: ids of transformers 5.24, alone and batched', async () => {
  const { config, shapes, post, base } = await openFixture('phi3')
  const model = loadModel({ ...config, original_max_position_embeddings: 10, sliding_window: null }, shapes)
  const prompts = [
    [5, 17, 9, 33, 2, 41],
    [7, 3, 50, 12, 60, 31, 8, 22],
    [11, 40, 41, 12, 60, 31, 8, 22, 9, 9, 14],
  ]
  const right = [
    [51, 30, 0, 53, 53, 53, 53, 56],
    [56, 51, 56, 51, 45, 26, 56, 30],
    [37, 19, 63, 7, 63, 30, 15, 63],
  ]
  const before = tf.memory().numTensors
  for (const rows of [1, 3]) assert.deepEqual(await generate(model, post, prompts, { maxNewTokens: 8, rows }), right)
  assert.equal(tf.memory().numTensors, before, 'no tensor is left')
  tf.dispose([post, base])
})

test('an answer ends with the first of the tokens that end it', async () => {
  const { model, post, expected } = fixture
  const {
    prompt,
    post: { ids },
  } = expected.generation[0]!
  const eos = ids[5]!
  const [answer] = await generate(model, post, [prompt], { maxNewTokens: ids.length, ends: [eos] })
  assert.deepEqual(answer, ids.slice(0, ids.indexOf(eos) + 1))
})

for (const name of ['gemma3', 'phi3', 't5'])
  test(`${name}: drafts change no answer, and a right one takes two passes`, async () => {
    const { model, post, base, expected } = await openFixture(name)
    const prompts = [expected.generation[0]!.prompt, [9, 5, 7], [3], [8, 8, 8, 4, 11, 6]]
    const before = tf.memory().numTensors
    let passes = 0
    const source = {
      ...sourceOf(model, post),
      fetch: (...at: Parameters<Source['fetch']>) => (passes++, held.fetch(...at)),
    }
    const held = sourceOf(model, post)
    const answer = (drafts?: (number[] | undefined)[], rows = 4) =>
      generate(model, source, prompts, { maxNewTokens: 7, rows, drafts })
    const right = await answer()
    assert.equal(passes, 7)
    const wrongAt = (at: number, ids: number[]) => ids.map((id, i) => (i === at ? (id + 1) % 50 : id))
    const mixed = [right[0]!, wrongAt(0, right[1]!), wrongAt(6, right[2]!), undefined]
    for (const rows of [1, 4]) assert.deepEqual(await answer(mixed, rows), right)
    assert.deepEqual(await answer([wrongAt(3, right[0]!), right[1]!, undefined, right[3]!.slice(0, 7)]), right)
    passes = 0
    assert.deepEqual(await answer(right), right)
    assert.equal(passes, 2)
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    tf.dispose([post, base])
  })

test('drafts of unlike lengths are proven together, beside an answer that has ended', async () => {
  const { model, post, base } = await openFixture('phi3')
  const held = sourceOf(model, post)
  let passes = 0
  const source = { ...held, fetch: (...at: Parameters<Source['fetch']>) => (passes++, held.fetch(...at)) }
  const prompts = [[9, 5, 7], [3], [8, 8, 8, 4, 11, 6]]
  const [first, second, third] = (await generate(model, post, prompts, { maxNewTokens: 7 })) as [
    number[],
    number[],
    number[],
  ]
  // The first answer ends with its first token, the others with their fifth and sixth.
  const right = [first.slice(0, 1), second.slice(0, 5), third.slice(0, 6)]
  const options = { maxNewTokens: 7, ends: right.map((answer) => answer.at(-1)!) }
  assert.deepEqual(await generate(model, post, prompts, options), right)
  assert.deepEqual(await generate(model, source, prompts, { ...options, drafts: right }), right)
  assert.equal(passes, 2)
  tf.dispose([post, base])
})

/** A task that the post-trained model answers right by construction on the first item, and wrong on the second. */
function taskOf({ expected }: Fixture, length: number): Task {
  const [first, second] = expected.generation
  const item = (id: string, prompt: number[], target: number[]) => ({
    id,
    prompt: prompt.join(' '),
    target: target.join(' '),
    fields: {},
  })
  const items = [
    item('right', first!.prompt, first!.post.ids.slice(0, length)),
    item(
      'wrong',
      second!.prompt,
      second!.post.ids.slice(0, length).map((id) => 159 - id),
    ),
  ]
  return {
    name: 't',
    version: 1,
    description: '',
    kind: 'generate',
    metric: 'exact_match',
    maxNewTokens: length,
    items,
  }
}

test('labels stand on the target and the end-of-text only', async () => {
  const task = taskOf(fixture, 3)
  const [batch] = await encodeItems(task, tokenizer, fixture.model, { items: 1 })
  const [prompt] = [fixture.expected.generation[0]!.prompt]
  assert.equal(batch!.columns, prompt.length + 4)
  assert.deepEqual(
    [...batch!.labels],
    [...prompt.map(() => -100), ...fixture.expected.generation[0]!.post.ids.slice(0, 3), 2],
  )
})

test('a generated answer that equals the target scores 1, another 0', async () => {
  // maxNewTokens cuts the answer, so generation gives the target although the model would go on: the draft is refuted
  // (end-of-text is not predicted) and the generated answer is compared.
  const { items, score } = await evaluateTask(
    { model: fixture.model, weights: fixture.post, reader: tokenizer },
    taskOf(fixture, 4),
  )
  assert.deepEqual([...items], [1, 0])
  assert.equal(score, 0.5)
})
