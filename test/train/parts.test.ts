// Partial answer masking: which tokens have labels, losses as transformers computes them, and the lines that are refused.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { trainingSchema } from '../../src/config/index.js'
import { lossOf, readWeights } from '../../src/loss/index.js'
import { IGNORED, modelOf } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { loadTokenizer, type Tokenizer } from '../../src/tokenizer/index.js'
import { train } from '../../src/train/index.js'
import { itemBatches } from '../../src/train/text.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

const MODEL = 'checkpoints/small/instruct'
const reference = JSON.parse(readFileSync('test/fixtures/self-correction/losses.json', 'utf8')) as {
  rows: Record<string, string>[]
} & Record<'masked' | 'plain', { loss: number; tokens: number; labels: number[][] }>

let folder: string
let tokenizer: Tokenizer
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deltalab-parts-'))
  tokenizer = await loadTokenizer(MODEL)
})
after(() => rmSync(folder, { recursive: true }))

function write(rows: readonly object[]): string {
  const file = join(folder, 'items.jsonl')
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return file
}

const options = { batch: 3, micro_batches: 1, seed: 0 }

for (const kind of ['masked', 'plain'] as const) {
  test(`${kind}: labels token by token, and the loss of transformers`, async () => {
    const mask = kind === 'masked' ? ({ mask: 'partial_answer' } as const) : {}
    const batches = await itemBatches(write(reference.rows), tokenizer, { ...options, ...mask })
    const [batch] = batches(0)
    const expected = reference[kind]
    const rows = [...batch!.items].map((item, row) => ({
      item,
      labels: [...batch!.labels.subarray(row * batch!.columns, (row + 1) * batch!.columns)],
    }))
    for (const { item, labels } of rows) {
      const right = expected.labels[item]!
      assert.deepEqual(labels, [...right, ...Array<number>(labels.length - right.length).fill(IGNORED)], `row ${item}`)
    }
    await setBackend(BACKEND)
    const checkpoint = await openCheckpoint(MODEL)
    const model = modelOf(checkpoint, MODEL)
    const weights = await readWeights(model, (name) => checkpoint.read(name))
    const { mean, tokens } = await lossOf(model, weights, [batch!])
    assert.equal(tokens, expected.tokens)
    assertClose(mean, expected.loss, { tolerance: 1e-5 })
    tf.dispose(weights)
    await checkpoint.close()
  })
}

test('a wrong first answer has no labels, a right one is scored, and so is all that follows', async () => {
  const rows = [
    { prompt: 'User: please say twice cat\nBot:', first: ' cat', judgement: '\nNote: again', correction: ' cat cat' },
    { prompt: 'User: please say twice dog\nBot:', first: ' dog dog', judgement: '\nNote: good' },
  ]
  const [batch] = (await itemBatches(write(rows), tokenizer, { ...options, batch: 2, mask: 'partial_answer' }))(0)
  const scored = rows.map((_, i) => {
    const row = batch!.items.indexOf(i)
    const labels = batch!.labels.subarray(row * batch!.columns, (row + 1) * batch!.columns)
    return tokenizer.decode([...labels].filter((label) => label !== IGNORED && label !== tokenizer.eos))
  })
  assert.deepEqual(scored, ['\nNote: again cat cat', ' dog dog\nNote: good'])
})

test('an encoder beside the decoder reads the prompt: the wrong first answer has no labels in the decoder', async () => {
  const rows = [{ prompt: 'User: please', first: ' cat', judgement: '\nNote: again', correction: ' dog' }]
  const more = { batch: 1, mask: 'partial_answer', start: 5 } as const
  const [batch] = (await itemBatches(write(rows), tokenizer, { ...options, ...more }))(0)
  const [rest] = await tokenizer.encode(['\nNote: again dog'])
  assert.deepEqual([...batch!.labels], [IGNORED, IGNORED, ...rest!, tokenizer.eos])
  assert.deepEqual([...batch!.encoder!.ids], (await tokenizer.encode(['User: please']))[0])
})

test('items in parts and whole ones train together without the mask', async () => {
  const rows = [
    { prompt: 'a', target: ' b' },
    { prompt: 'a', first: ' b', judgement: ' c' },
  ]
  assert.equal((await itemBatches(write(rows), tokenizer, { ...options, batch: 2 }))(0)[0]!.rows, 2)
})

const WRONG: [name: string, rows: object[], message: RegExp][] = [
  [
    'a target that is not in parts',
    [
      { prompt: 'a', first: ' b', judgement: ' c', correction: ' d' },
      { prompt: 'a', target: ' b' },
    ],
    /items\.jsonl:2: mask: partial_answer needs the target in parts, and this line has it whole; write "first" and "judgement" in place of "target", and "correction" where the first answer is wrong$/,
  ],
  ['nothing to leave out', [{ prompt: 'a', first: ' b', judgement: ' c' }], /no line has a "correction"/],
  [
    'no first answer',
    [{ prompt: 'a', judgement: ' c' }],
    /items\.jsonl:1: a target in parts needs the text "first"; got undefined$/,
  ],
  [
    'an empty first answer',
    [{ prompt: 'a', first: ' ', judgement: ' c', correction: ' d' }],
    /items\.jsonl:1: "first" is empty$/,
  ],
  ['no judgement', [{ prompt: 'a', first: ' b' }], /:1: a target in parts needs the text "judgement"; got undefined$/],
  [
    'an empty correction',
    [{ prompt: 'a', first: ' b', judgement: ' c', correction: '' }],
    /:1: "correction" is empty; leave it out where the first answer is right$/,
  ],
  [
    'a first answer that is the correct one',
    [{ prompt: 'a', first: ' b', judgement: ' c', correction: 'b ' }],
    /:1: "first" is the correction itself, " b"; a right first answer is confirmed and has no "correction"$/,
  ],
  [
    'a target that is another text',
    [{ prompt: 'a', target: ' b', first: ' b', judgement: ' c' }],
    /:1: "target" is not "first", "judgement" and "correction" in a row; leave it out$/,
  ],
  ['a number', [{ prompt: 'a', first: 4, judgement: ' c' }], /:1: a target in parts needs the text "first"; got 4$/],
  ['neither target nor parts', [{ prompt: 'a' }], /:1: a line must have the text field "target", or its parts/],
  [
    'a token over the boundary',
    [{ prompt: 'a', first: ' ca', judgement: 't again', correction: ' dog' }],
    /:1: the tokenizer joins the end of "first" with the beginning of "judgement".*begin "judgement" with a line break or a space$/,
  ],
]

for (const [name, rows, message] of WRONG) {
  test(`refused: ${name}`, () =>
    assert.rejects(itemBatches(write(rows), tokenizer, { ...options, mask: 'partial_answer' }), message))
}

test('lines are counted with the empty ones', async () => {
  const file = write([])
  writeFileSync(file, '\n{"prompt": "a", "first": "", "judgement": "b"}\n')
  await assert.rejects(itemBatches(file, tokenizer, options), /items\.jsonl:2: "first" is empty/)
})

const recipe = { name: 'm', out: 'm', from: MODEL, tokenizer: MODEL, batch: 2, steps: 1, learning_rate: 1e-3 }

test('the mask is of items, and of models that generate', async () => {
  const mask = { mask: 'partial_answer' } as const
  const refused = trainingSchema.safeParse({ ...recipe, ...mask, masked: 'x.jsonl' })
  assert.match(refused.error!.issues[0]!.message, /^is of `items`: other data has no first answers/)
  assert.deepEqual(refused.error!.issues[0]!.path, ['mask'])
  assert.equal(trainingSchema.safeParse({ ...recipe, items: 'x.jsonl', mask: 'answers' }).success, false)
  const file = write([{ prompt: 'a', first: ' b', judgement: ' c', correction: ' d' }])
  const encoder = join(process.cwd(), 'checkpoints/encoder/base')
  const onEncoder = trainingSchema.parse({ ...recipe, ...mask, from: encoder, tokenizer: encoder, items: file })
  await assert.rejects(
    train(onEncoder, { root: folder, backend: BACKEND, workers: 1 }),
    /`items` trains causal; the \S+ here has the objective masked/,
  )
})
