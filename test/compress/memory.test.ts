// The bound of memory of tensors with loss, in numbers: of threads, and of singular vectors, which need whole matrices.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fittingChoices } from '../../src/budget/candidates.js'
import { budgetMemory, type MeasuredLoad } from '../../src/budget/memory.js'
import { factorBytes, parseChoice } from '../../src/compress/index.js'
import { factorRoom, splitMemory } from '../../src/compress/memory.js'
import { loadModel } from '../../src/models/index.js'
import { leastPieces, PROGRAM_BYTES } from '../../src/stream/index.js'

const MATRIX = { shape: [2048, 1024] }
const tensors = [{ ...MATRIX, models: 1, computed: 0 }]
const lowRank = parseChoice({ codec: 'low_rank', options: { rank: 16 } })

test('threads of edits and of pieces stay within the bound together', () => {
  for (const memory of [3e8, 5e8, 1e9, 4e9]) {
    const { edits, pieces } = splitMemory(tensors, [], memory)
    assert.equal(edits + pieces, memory + PROGRAM_BYTES)
    assert.ok(pieces >= leastPieces(true))
  }
})

test('singular vectors and a thread for pieces fit into the bound; below it the least that would do is said', () => {
  const bytes = factorBytes(MATRIX, lowRank)
  // The delta, and what it is read from: 8 bytes an entry each; the search has the matrix in float32 and its vectors besides.
  assert.ok(bytes > (16 + 4) * 2048 * 1024 && bytes < 60 * 2048 * 1024, String(bytes))
  const least = Math.ceil((bytes + leastPieces(true)) / 1e6)
  const factors = [{ name: 'w', bytes }]
  const { pieces } = splitMemory(tensors, factors, 1e6 * least)
  assert.ok(pieces + bytes <= 1e6 * least)
  assert.throws(() => splitMemory(tensors, factors, 1e6 * (least - 1)), {
    message:
      'w: its singular vectors need the whole matrix in memory: ' +
      `--memory ${least - 1}MB is too small, ${least}MB would do; or leave it out with --exclude`,
  })
})

test('what a matrix of few rows needs grows with its entries, not with the square of its columns', () => {
  const bytes = factorBytes({ shape: [16, 1e5] }, parseChoice({ codec: 'bands', options: { bands: '8x2+3x8' } }))
  assert.ok(bytes > 20 * 16e5 && bytes < 100 * 16e5, String(bytes))
})

test('codecs are chosen in pieces of any tensor; with a loss the model comes on top', () => {
  const pair = (rows: number) => {
    const entries = [{ name: 'w', dtype: 'F32', shape: [rows, 1024] }]
    return { post: { tensors: new Map(entries.map((entry) => [entry.name, entry])) }, names: ['w'] } as never
  }
  // Without a loss no number depends on the tensor.
  assert.deepEqual(budgetMemory(pair(2 ** 19), null, 3e8), budgetMemory(pair(1024), null, 3e8))
  const leastFor = (model: MeasuredLoad): number => {
    const [, least] = /([0-9]+)MB would do/.exec(messageOf(() => budgetMemory(pair(1024), model, 2e8)))!
    return Number(least)
  }
  const least = leastFor(llama(1000))
  assert.throws(() => budgetMemory(pair(1024), llama(1000), 1e6 * (least - 1)), /the model is held/)
  assert.doesNotThrow(() => budgetMemory(pair(1024), llama(1000), 1e6 * least))
  // A model of more words leaves less: its weights, twice, in a heap that grows by fifths.
  const [small, large] = [2 ** 18, 2 ** 19].map((words) => budgetMemory(pair(1024), llama(words), 2e9))
  const besideModel = ({ pieces, passes }: typeof small & object) => pieces + passes
  assert.equal(Math.round(besideModel(small!) - besideModel(large!)), Math.round(2.4 * 4 * 64 * 2 ** 18))
  // Logits are made in parts, so that passes need no more for more words; longer sequences do,
  // and these by their length: scores of all pairs of 2,048 tokens would take 67 MB for each copy.
  const longer = leastFor({ ...llama(1000), load: load(2048) }) - least
  assert.ok(longer > 50 && longer < 300, `${longer}`)
})

test('what passes leave is enough to write, with the singular vectors that codecs take', () => {
  const entry = { name: 'w', dtype: 'F32', shape: [4096, 512] }
  const pair = { post: { tensors: new Map([['w', entry]]) }, names: ['w'] } as never
  const vectors = fittingChoices({ ...entry, matrices: 1 }, 0).needed
  const [, words] = /([0-9]+)MB would do/.exec(messageOf(() => budgetMemory(pair, llama(1000), 2e8)))!
  const least = 1e6 * Number(words)
  const shares = [least, least + 1e8, least + 2 * vectors].map((memory) => ({
    memory,
    ...budgetMemory(pair, llama(1000), memory),
  }))
  // The heap of passes is there while others write. Nothing is promised twice, and the weights, twice, are in no share.
  for (const { memory, writes, passes } of shares) {
    assert.ok(passes + writes < memory, `${passes} + ${writes} of ${memory}`)
    assert.doesNotThrow(() => splitMemory([{ shape: entry.shape, models: 1, computed: 0 }], [], writes))
  }
  const [small, , large] = shares.map(({ writes }) => factorRoom(writes))
  assert.ok(small! < vectors && large! >= vectors, `${vectors} in ${small} and ${large}`)
})

const load = (tokens: number) => ({ total: tokens, largest: tokens, columns: tokens, counted: tokens })

const llama = (vocab_size: number) => ({
  model: loadModel({
    ...{
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      vocab_size,
      hidden_size: 64,
      intermediate_size: 128,
    },
    ...{ num_hidden_layers: 2, num_attention_heads: 4, max_position_embeddings: 2048, tie_word_embeddings: true },
  }),
  load: load(512),
  batches: 0,
})

function messageOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
