// What may not come next, by hand: runs of tokens that would repeat, forbidden words, the shortest answer, and weaker tokens; and the
// likeliest token of a vocabulary in parts.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { foldHighest } from '../../src/evaluate/highest.js'
import { steerBy, steered } from '../../src/evaluate/steering.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

before(() => setBackend(BACKEND))

const config = (words: object) => ({ file: 'generation_config.json', unknown: [], ...words })
const banned = (words: object, prompt: number[], answer: number[]) =>
  [...(steerBy(config(words))!(prompt, answer)?.banned ?? [])].sort((a, b) => a - b)

test('a run of tokens is not made twice, from the first tokens of the prompt on', () => {
  const twice = { no_repeat_ngram_size: 2 }
  assert.deepEqual(banned(twice, [5, 6], [5]), [6])
  assert.deepEqual(banned(twice, [5, 6, 5, 7], [5]), [6, 7])
  assert.deepEqual(banned(twice, [5, 6], [7]), [])
  assert.deepEqual(banned({ no_repeat_ngram_size: 1 }, [5, 6], []), [5, 6])
})

test('a forbidden word is closed where all before it stands, in a text that is longer than that', () => {
  const words = { bad_words_ids: [[7, 8], [9]] }
  assert.deepEqual(banned(words, [7], []), [9]) // As transformers: no shorter text than the word.
  assert.deepEqual(banned(words, [3, 7], []), [8, 9])
  assert.deepEqual(banned({ ...words, eos_token_id: 9 }, [3, 7], []), [8])
})

test('an answer does not end before its least length, and some tokens do not begin it', () => {
  const words = { eos_token_id: [1, 2], min_new_tokens: 2, begin_suppress_tokens: [4], suppress_tokens: [3] }
  assert.deepEqual(banned(words, [5], []), [1, 2, 3, 4])
  assert.deepEqual(banned(words, [5], [6]), [1, 2, 3])
  assert.deepEqual(banned(words, [5], [6, 7]), [3])
  assert.equal(steerBy(config({ repetition_penalty: 1, no_repeat_ngram_size: 0 })), undefined)
})

test('weakened logits are divided where positive and multiplied where negative; a banned one is lowest', async () => {
  const logits = tf.tensor2d([[4, -4, 2, 2]])
  const row = { banned: new Set([13]), weakened: new Set([10, 11]), penalty: 2 }
  assert.deepEqual([...(await steered(logits, 10, [row]).data())], [2, -8, 2, -Infinity])
  assert.deepEqual([...(await steered(logits, 10, [null]).data())], [4, -4, 2, 2])
})

test('the highest of parts is the first of equals', async () => {
  const first = foldHighest(
    null,
    tf.tensor2d([
      [1, 3],
      [0, 0],
    ]),
    0,
  )
  const { value, index } = foldHighest(
    first,
    tf.tensor2d([
      [3, 2],
      [0, 1],
    ]),
    2,
  )
  assert.deepEqual(
    [[...(await value.data())], [...(await index.data())]],
    [
      [3, 1],
      [1, 3],
    ],
  )
})
