// Training of encoders and image classifiers: the loss falls, any number of workers gives the same bytes, a head is new and
// the backbone is the base's, labels and masks are where they should be.

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { writeEncoderData, writeVisionData } from '../../family/index.js'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { trainingSchema } from '../../src/config/index.js'
import { loadTokenizer } from '../../src/tokenizer/index.js'
import { labelledBatches, maskedBatches } from '../../src/train/encoder.js'
import { train } from '../../src/train/index.js'
import { pictureBatches } from '../../src/train/pictures.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'deltalab-objectives-'))
  writeEncoderData(folder, { seed: 3, documents: 200, trainItems: 24 })
  writeVisionData(folder, { seed: 3, scenes: 40, trainItems: 24 })
})
after(() => rmSync(folder, { recursive: true }))

/** Labelled items are all in every step. */
const common = { batch: 24, micro_batches: 3, steps: 8, learning_rate: 0.005, seed: 2 }
const sizes = { hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
const bert = {
  model_type: 'bert',
  architectures: ['BertForMaskedLM'],
  vocab_size: 300,
  max_position_embeddings: 64,
  ...sizes,
}
const vit = {
  model_type: 'vit',
  architectures: ['ViTForImageClassification'],
  image_size: 16,
  patch_size: 4,
  num_labels: 10,
  ...sizes,
}
const recipes = {
  masked: { model: bert, tokenizer: 'wordpiece', masked: 'documents.jsonl', learning_rate: 0.02 },
  images: { model: vit, preprocessor: '.', images: 'digit.train.jsonl' },
  labelled: {
    from: 'masked-1',
    model: { architectures: ['BertForSequenceClassification'], num_labels: 3 },
    tokenizer: 'wordpiece',
    labelled: 'entailment.train.jsonl',
  },
  value: {
    from: 'masked-1',
    model: { architectures: ['BertForSequenceClassification'], num_labels: 1 },
    tokenizer: 'wordpiece',
    labelled: 'similarity.train.jsonl',
  },
}

async function fit(kind: keyof typeof recipes, workers: number): Promise<number[]> {
  const losses: number[] = []
  const recipe = trainingSchema.parse({ name: kind, out: `${kind}-${workers}`, ...common, ...recipes[kind] })
  await train(recipe, { root: folder, backend: BACKEND, workers, onStep: (_, loss) => losses.push(loss) })
  return losses
}

for (const kind of ['masked', 'images', 'labelled', 'value'] as const) {
  test(`${kind}: the loss falls, and three workers give the bytes of one`, async () => {
    const losses = await fit(kind, 1)
    assert.ok(losses.slice(-2).reduce((a, b) => a + b) < losses.slice(0, 2).reduce((a, b) => a + b), String(losses))
    assert.deepEqual(await fit(kind, 3), losses)
    const bytes = (workers: number) => readFileSync(join(folder, `${kind}-${workers}`, 'model.safetensors'))
    assert.ok(bytes(1).equals(bytes(3)))
  })
}

test('a new head on a base: the backbone starts as the base, the head is drawn, the folder says what it is', async () => {
  const recipe = trainingSchema.parse({
    name: 'still',
    out: 'still',
    ...common,
    ...recipes.labelled,
    steps: 1,
    learning_rate: 1e-30,
  })
  await train(recipe, { root: folder, backend: BACKEND, workers: 1 })
  const [base, post] = await Promise.all([
    openCheckpoint(join(folder, 'masked-1')),
    openCheckpoint(join(folder, 'still')),
  ])
  for (const name of post.tensors.keys()) {
    if (base.tensors.has(name)) assert.deepEqual(await post.read(name), await base.read(name), name)
  }
  const fresh = [...post.tensors.keys()].filter((name) => !base.tensors.has(name)).sort()
  assert.deepEqual(fresh, [
    'bert.pooler.dense.bias',
    'bert.pooler.dense.weight',
    'classifier.bias',
    'classifier.weight',
  ])
  assert.ok((await post.read('classifier.weight')).some((x) => x !== 0))
  assert.deepEqual([post.config!.architectures, post.config!.num_labels], [['BertForSequenceClassification'], 3])
  // A file without a head has the same names without the prefix of the model.
  const bare = join(folder, 'bare')
  cpSync(join(folder, 'masked-1'), bare, { recursive: true })
  const bytes = readFileSync(join(bare, 'model.safetensors'))
  const size = Number(bytes.readBigUInt64LE())
  const header = bytes
    .subarray(8, 8 + size)
    .toString()
    .replaceAll('"bert.', '"')
    .padEnd(size)
  bytes.write(header, 8)
  writeFileSync(join(bare, 'model.safetensors'), bytes)
  await train({ ...recipe, from: 'bare', out: 'still-bare' }, { root: folder, backend: BACKEND, workers: 1 })
  const same = await openCheckpoint(join(folder, 'still-bare'))
  for (const name of post.tensors.keys()) assert.deepEqual(await same.read(name), await post.read(name), name)
  await Promise.all([base.close(), post.close(), same.close()])
})

for (const mask_rate of [0.15, 0.4])
  test(`masked tokens: ${100 * mask_rate} % are told, 80 % of them hidden, 10 % exchanged, special tokens never; a visit decides`, async () => {
    const tokenizer = await loadTokenizer(join(folder, 'wordpiece'))
    const options = { batch: 100, micro_batches: 1, seed: 1, mask_rate }
    const batches = await maskedBatches(join(folder, 'documents.jsonl'), tokenizer, options)
    const [whole] = await maskedBatches(join(folder, 'documents.jsonl'), tokenizer, options).then((of) => of(0))
    const [[first], [second]] = [batches(0), batches(2)]
    assert.deepEqual(first, whole, 'a function of the step')
    assert.deepEqual([...first!.items].length, 100)
    assert.notDeepEqual(first!.labels, second!.labels, 'the same epoch order, other masks')
    let [open, told, hidden, exchanged] = [0, 0, 0, 0]
    for (let step = 0; step < 10; step++) {
      for (const { ids, mask, labels } of batches(step)) {
        ids.forEach((id, i) => {
          // What is neither padding nor [CLS] (2) nor [SEP] (3), shown or to be told.
          if (mask[i] && (labels[i]! >= 0 || id > 3)) open++
          if (labels[i]! < 0) return
          told++
          assert.ok(mask[i] === 1 && labels[i]! > 4, 'a real token that is not special')
          if (id === tokenizer.mask) hidden++
          else if (id !== labels[i]) exchanged++
        })
      }
    }
    assertClose(told / open, mask_rate, { tolerance: 4 * Math.sqrt((mask_rate * (1 - mask_rate)) / open) })
    assertClose(hidden / told, 0.8, { tolerance: 4 * Math.sqrt(0.16 / told) })
    // One of all tokens is the token itself.
    const other = 0.1 * (1 - 1 / tokenizer.vocabulary)
    assertClose(exchanged / told, other, { tolerance: 4 * Math.sqrt((other * (1 - other)) / told) })
  })

test('a text of which no token was drawn has one hidden all the same', async () => {
  const tokenizer = await loadTokenizer(join(folder, 'wordpiece'))
  const options = { batch: 50, micro_batches: 1, seed: 1, mask_rate: 1e-9 }
  const [{ labels, rows, columns }] = (await maskedBatches(join(folder, 'documents.jsonl'), tokenizer, options))(
    0,
  ) as any
  for (let row = 0; row < rows; row++)
    assert.equal([...labels.subarray(row * columns, (row + 1) * columns)].filter((label) => label >= 0).length, 1)
})

test('labels and segments are those of the file', async () => {
  const tokenizer = await loadTokenizer(join(folder, 'wordpiece'))
  const batches = await labelledBatches(join(folder, 'entailment.train.jsonl'), tokenizer, 3, {
    batch: 24,
    micro_batches: 1,
    seed: 1,
  })
  const rows = readFileSync(join(folder, 'entailment.train.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { text: string; pair: string; label: number })
  const { ids, types, targets, mask, columns } = batches(0)[0]!
  const seen = Array.from(targets!, (label, row) => {
    const real = [...ids.subarray(row * columns, (row + 1) * columns)].filter((_, i) => mask[row * columns + i])
    const cut = types!.subarray(row * columns, row * columns + real.length).indexOf(1)
    return `${tokenizer.decode(real.slice(0, cut))}|${tokenizer.decode(real.slice(cut))}|${label}`.replaceAll(' ', '')
  })
  assert.deepEqual(
    seen.sort(),
    rows.map(({ text, pair, label }) => `${text}|${pair}|${label}`.replaceAll(' ', '')).sort(),
  )
})

test('one of a scene’s attributes is asked for at a visit', async () => {
  const lines = readFileSync(join(folder, 'scenes.train.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { label: number[] })
  const reader = { size: { height: 16, width: 16 }, factor: 1 / 255, mean: [0, 0, 0], deviation: [1, 1, 1] }
  const batches = await pictureBatches(join(folder, 'scenes.train.jsonl'), reader, 45, {
    batch: 40,
    micro_batches: 1,
    seed: 1,
  })
  const asked = Array.from({ length: 30 }, (_, step) => [...batches(step)[0]!.targets!])
  const share = new Map<number, number>()
  for (const label of asked.flat()) share.set(label, (share.get(label) ?? 0) + 1)
  for (const [label, count] of share) {
    const expected = (30 * lines.filter((line) => line.label.includes(label)).length) / 5
    assertClose(count, expected, { tolerance: 5 * Math.sqrt(expected) }, `${label}: ${count} for ${expected}`)
  }
})

test('data of another kind than the model, labels out of range and a tokenizer without a mask are told', async () => {
  const attempt = (more: object) =>
    train(trainingSchema.parse({ name: 'x', out: 'x', ...common, ...more }), {
      root: folder,
      backend: BACKEND,
      workers: 1,
    })
  await assert.rejects(
    attempt({ ...recipes.masked, masked: undefined, labelled: 'entailment.train.jsonl' }),
    /`labelled` trains classes or value; the bert here has the objective masked/,
  )
  await assert.rejects(
    attempt({ ...recipes.labelled, model: { ...recipes.labelled.model, num_labels: 2 } }),
    /entailment\.train\.jsonl:\d+: label must be a class from 0 to 1; got 2/,
  )
  await assert.rejects(
    attempt({ ...recipes.images, model: { ...vit, num_labels: 5 } }),
    /has a label above 4, and the model has 5 outputs/,
  )
  writeFileSync(join(folder, 'lost.jsonl'), '{"image": "none.png", "label": 1}\n')
  await assert.rejects(attempt({ ...recipes.images, images: 'lost.jsonl' }), /none\.png: no such file/)
})
