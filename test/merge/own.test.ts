// Merge files with our own keys, and laws of whole merges.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCheckpoint, writeAdapter, writeCheckpoint } from '../../src/checkpoint/index.js'
import { assertClose } from '../close.js'
import { merge, readWords, root, scratch, yaml } from './fixtures.js'

const weights = (folder: string) => readWords(join(folder, 'model.safetensors'))
const inputs = {
  base: weights(join(root, 'models/base')),
  ft1: weights(join(root, 'models/ft1')),
  ft2: weights(join(root, 'models/ft2')),
}
let outputs = 0

async function merged(text: string, seed?: number) {
  const out = join(scratch, `own-${++outputs}`)
  await merge(yaml(text), out, seed === undefined ? {} : { seed })
  return { out, tensors: weights(out), card: readFileSync(join(out, 'README.md'), 'utf8') }
}

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, what: string) => {
  assert.equal(actual.length, expected.length)
  for (let i = 0; i < actual.length; i++)
    assertClose(actual[i]!, expected[i]!, { tolerance: 1e-6 }, `${what}[${i}]: ${actual[i]} against ${expected[i]}`)
}

test('a merger of our own defaults to the paper; the card says what was done, to what, by what', async () => {
  const text =
    'merger: ties\nbase_model: models/base\nmodels:\n  - model: models/ft1\n  - model: models/ft2\n    parameters: {drop_rate: 0.5}\n'
  const { out, card, tensors } = await merged(text)
  for (const line of [
    /\| convention \| paper \|/,
    /\| method \| ties \|/,
    /\| base \| base \| model\.safetensors \| \d+ bytes, checksum [0-9a-f]{32} \|/,
    /\| model \| ft2 \|/,
    /deltalab \| \d/,
    /arXiv 2306\.01708/,
    /drop_rate: 0\.5/,
  ]) {
    assert.match(card, line)
  }
  const { metadata } = await openCheckpoint(out)
    .then((checkpoint) => checkpoint.close())
    .then(() => readMetadata(out))
  assert.equal((JSON.parse(metadata.merge!) as { convention: string }).convention, 'paper')
  // Over the whole model about one entry in five of ft1 moves the base, however small its tensor is.
  const moved = [...tensors].reduce(
    (n, [name, { values }]) => n + values.filter((v, i) => v !== inputs.base.get(name)!.values[i]).length,
    0,
  )
  const all = [...tensors.values()].reduce((n, { values }) => n + values.length, 0)
  assert.ok(moved / all > 0.5 && moved / all < 0.7, `${moved / all}`)
})

function readMetadata(folder: string): { metadata: Record<string, string> } {
  const bytes = readFileSync(join(folder, 'model.safetensors'))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE(0)))) as {
    __metadata__: Record<string, string>
  }
  return { metadata: header.__metadata__ }
}

test('DARE before averaging: an editor of each model, an average of the edited weights', async () => {
  const text = (first: string, second: string) =>
    `merger: average\nbase_model: models/base\nseed: 3\nmodels:\n${[first, second]
      .map((model) => `  - model: models/${model}\n    editors: [{editor: dare, drop_rate: 0.5}]\n`)
      .join('')}`
  const there = await merged(text('ft1', 'ft2'))
  const back = await merged(text('ft2', 'ft1'))
  assert.match(there.card, /\| seed \| 3 \|/)
  for (const [name, { values }] of there.tensors) {
    close(values, back.tensors.get(name)!.values, name)
    const [base, one, two] = [inputs.base, inputs.ft1, inputs.ft2].map((model) => model.get(name)!.values)
    values.forEach((v, i) => {
      const [a, b] = [one![i]! - base![i]!, two![i]! - base![i]!]
      const candidates = [0, a, b, a + b].map((d) => base![i]! + d)
      assert.ok(
        candidates.some((c) => Math.abs(c - v) < 1e-6),
        `${name}[${i}]: ${v} of ${candidates}`,
      )
    })
  }
})

test('one model by task arithmetic is that model; a negative weight takes it away', async () => {
  const text = (weight: number) =>
    `merger: task_arithmetic\nbase_model: models/base\nmodels:\n  - {model: models/ft1, parameters: {weight: ${weight}}}\n`
  const [same, away] = [await merged(text(1)), await merged(text(-1))]
  for (const [name, { values }] of inputs.ft1) {
    close(same.tensors.get(name)!.values, values, name)
    close(
      away.tensors.get(name)!.values,
      values.map((v, i) => 2 * inputs.base.get(name)!.values[i]! - v),
      name,
    )
  }
})

test('a convention chosen for a method of mergekit', async () => {
  const text = (more: string) =>
    `merge_method: dare_linear\n${more}base_model: models/base\nmodels:\n  - {model: models/ft1, parameters: {weight: 1, density: 0.5}}\n`
  const [mergekit, paper] = [await merged(text('')), await merged(text('convention: paper\n'))]
  const name = 'lm_head.weight'
  const base = inputs.base.get(name)!.values
  const factors = (tensors: typeof mergekit.tensors) => {
    const values = tensors.get(name)!.values
    const at = [...values.keys()].filter(
      (i) => values[i] !== base[i] && Math.abs(inputs.ft1.get(name)!.values[i]! - base[i]!) > 0.01,
    )
    return at.map((i) => (values[i]! - base[i]!) / (inputs.ft1.get(name)!.values[i]! - base[i]!))
  }
  assertClose(factors(paper.tensors), 2, { tolerance: 1e-3 })
  assert.ok(factors(mergekit.tensors).some((f) => Math.abs(f - 2) > 1e-3))
})

test('what both releases of mergekit compute alike takes the convention of the earlier one', async () => {
  const text = (more: string) =>
    `merge_method: sce\n${more}base_model: models/base\nmodels: [{model: models/ft1}, {model: models/ft2}]\n`
  const [usual, earlier] = [await merged(text('')), await merged(text('convention: mergekit-0.1.4\n'))]
  assert.deepEqual(earlier.tensors, usual.tensors)
})

test('in slices the base stands for the layers that it lists', async () => {
  const slice = (own: number, its: number) => `  - sources:
      - {model: models/base, layer_range: [${its}, ${its + 1}]}
      - {model: models/ft1, layer_range: [${own}, ${own + 1}], parameters: {weight: 0.5}}
`
  const { tensors } = await merged(
    `merge_method: task_arithmetic\nbase_model: models/base\nslices:\n${slice(1, 0)}${slice(0, 1)}`,
  )
  const mid = (name: string, own: string) =>
    inputs.base.get(name)!.values.map((v, i) => (v + inputs.ft1.get(own)!.values[i]!) / 2)
  const [zero, one] = [0, 1].map((layer) => `model.layers.${layer}.mlp.up_proj.weight`)
  close(tensors.get(zero!)!.values, mid(zero!, one!), zero!)
  close(tensors.get(one!)!.values, mid(one!, zero!), one!)
  close(tensors.get('model.norm.weight')!.values, mid('model.norm.weight', 'model.norm.weight'), 'norm')
})

test('Fisher merging takes its diagonals from a folder per model', async () => {
  const folders = []
  for (const [m, scale] of [
    [1, 1],
    [2, 3],
  ]) {
    const folder = join(scratch, `fisher-${m}`)
    const plan = [...inputs.base].map(([name, { shape }]) => ({ name, shape, dtype: 'F32' }))
    const tensors = [...inputs.base].map(([name, { values }]) => ({ name, values: values.map(() => scale!) }))
    await writeCheckpoint(folder, { plan, tensors, config: {} })
    folders.push(folder)
  }
  const list = folders.map((folder, i) => `  - {model: models/ft${i + 1}, data: ${folder}}\n`).join('')
  const { tensors } = await merged(`merger: fisher\nparameters: {normalize: false, least: 0}\nmodels:\n${list}`)
  for (const [name, { values }] of tensors)
    close(
      values,
      values.map((_, i) => (inputs.ft1.get(name)!.values[i]! + 3 * inputs.ft2.get(name)!.values[i]!) / 4),
      name,
    )
})

test('data that does not fit its model is refused before a weight is read', async () => {
  const write = async (name: string, tensors: [name: string, shape: number[]][]): Promise<string> => {
    const folder = join(scratch, name)
    const plan = tensors.map(([own, shape]) => ({ name: own, shape, dtype: 'F32' }))
    await writeCheckpoint(folder, {
      plan,
      tensors: tensors.map(([own, shape]) => ({ name: own, values: new Float32Array(shape.reduce((a, b) => a * b)) })),
      config: {},
    })
    return folder
  }
  const norm: [string, number[]] = ['model.norm.weight', [32]]
  const full = await write('data-full', [norm, ['model.embed_tokens.weight', [64, 32]]])
  const refuse = (second: string, message: RegExp) =>
    assert.rejects(
      merged(
        `merger: fisher\nmodels:\n  - {model: models/ft1, data: ${full}}\n  - {model: models/ft2, data: ${second}}\n`,
      ),
      message,
    )
  await refuse(
    await write('data-none', [['some.weight', [32]]]),
    /models\[1\]\.data: .*holds nothing under the names of the weights of ft2/,
  )
  await refuse(
    await write('data-shape', [['model.norm.weight', [33]]]),
    /model\.norm\.weight is \[33\]; \[32\] is wanted/,
  )
  await refuse(
    await write('data-part', [norm]),
    /model\.embed_tokens\.weight is missing, which the data of another model has/,
  )
})

test('editors stand before SLERP: the base whose deltas they edit is none of its ends', async () => {
  // Without the delta that the editor takes away, the second end is the base.
  const { tensors } = await merged(`merger: slerp\nbase_model: models/base\nparameters: {t: 1}\nmodels:
  - {model: models/ft1}\n  - {model: models/ft2, editors: [{editor: expo, alpha: -1}]}\n`)
  for (const [name, { values }] of tensors) close(values, inputs.base.get(name)!.values, name)
})

test('data of a source stands in slices too', async () => {
  const slice = [1, 2]
    .map((m) => `      - {model: models/ft${m}, layer_range: [0, 2], data: ${join(scratch, `fisher-${m}`)}}\n`)
    .join('')
  const { tensors } = await merged(
    `merger: fisher\nparameters: {normalize: false, least: 0}\nslices:\n  - sources:\n${slice}`,
  )
  const name = 'model.norm.weight'
  const [one, two] = [inputs.ft1.get(name)!.values, inputs.ft2.get(name)!.values]
  close(
    tensors.get(name)!.values,
    one.map((v, i) => (v + 3 * two[i]!) / 4),
    name,
  )
})

test('an empty `parameters:` is as good as none, as in mergekit', async () => {
  const text = (empty: string) =>
    `merge_method: ties\nbase_model: models/base\nmodels:\n  - model: models/base\n${empty && `    ${empty}`}` +
    `  - model: models/ft1\n    parameters: {weight: 1, density: 0.5}\n${empty}dtype: float32\n`
  const [given, none] = [await merged(text('parameters:\n')), await merged(text(''))]
  for (const [name, { values }] of none.tensors) assert.deepEqual(given.tensors.get(name)!.values, values)
})

test('an adapter stands for a model: by itself on the base of the file, and behind a + on any model', async () => {
  const name = 'model.layers.0.self_attn.q_proj.weight'
  const [adapter, nameless] = [join(scratch, 'lora'), join(scratch, 'nameless')]
  const size = Math.sqrt(inputs.base.get(name)!.values.length)
  // One entry moves: row 2, column 1, by 3.
  const factors = new Map([
    [
      name,
      {
        rank: 1,
        a: Float32Array.from({ length: size }, (_, i) => Number(i === 1)),
        b: Float32Array.from({ length: size }, (_, i) => 3 * Number(i === 2)),
      },
    ],
  ])
  await writeAdapter(adapter, { factors, whole: new Map(), baseModel: join(root, 'models/ft2'), dtype: 'F32' })
  const moved = (before: ArrayLike<number>) => Float32Array.from(before, (v, i) => (i === 2 * size + 1 ? v + 3 : v))
  const first = await merged(
    `merge_method: task_arithmetic\nbase_model: models/base\nmodels:\n  - {model: ${adapter}, parameters: {weight: 1}}\n`,
  )
  close(first.tensors.get(name)!.values, moved(inputs.base.get(name)!.values), 'on the base')
  assert.match(first.card, /\| model \| lora \| adapter_model\.safetensors \| \d+ bytes, checksum [0-9a-f]{32} \|/)
  const second = await merged(
    `merge_method: linear\nmodels:\n  - {model: models/ft1+${adapter}, parameters: {weight: 1}}\n`,
  )
  close(second.tensors.get(name)!.values, moved(inputs.ft1.get(name)!.values), 'on a model that is named')
  const third = await merged(`merge_method: linear\nmodels:\n  - {model: ${adapter}, parameters: {weight: 1}}\n`)
  close(third.tensors.get(name)!.values, moved(inputs.ft2.get(name)!.values), 'on the model that it names')
  await writeAdapter(nameless, { factors, whole: new Map(), baseModel: '', dtype: 'F32' })
  for (const [model, why] of [
    [nameless, /names no base_model_name_or_path/],
    ['models/ft1+models/ft2', /behind \+ an adapter is wanted/],
    [`models/ft1+${adapter}+${adapter}`, /are written model\+adapter/],
  ] as const) {
    await assert.rejects(merged(`merge_method: linear\nmodels:\n  - {model: ${model}, parameters: {weight: 1}}\n`), why)
  }
})
