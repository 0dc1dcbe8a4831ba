// LoRA extraction: mergekit's factors, and the whole way round: extract, open as a model, edit, extract again.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type openCheckpoint, pairCheckpoints, readHeader } from '../../src/checkpoint/index.js'
import { openWeights } from '../../src/checkpoint/single.js'
import { editCheckpoint, extractAdapter } from '../../src/edit/index.js'
import { editorNamed } from '../../src/editors/index.js'
import { openModel, openModels } from '../../src/sources/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { writeModel } from '../checkpoint/adapters.js'
import { assertClose } from '../close.js'

const root = mkdtempSync(join(tmpdir(), 'extract-'))
before(() => setBackend(BACKEND))
after(() => rmSync(root, { recursive: true }))
const fixture = (name: string, which: string) => join('test/fixtures/models', name, which)

async function pairOf(base: string, post: string) {
  const [one, two] = await openModels(base, post)
  return { pair: await pairCheckpoints(one, two), close: () => Promise.all([two.close(), one.close()]) }
}

/** Norm of post − base − (other − base), and of post − base, over the matrices of layers. */
async function distance(base: string, post: string, other: string): Promise<[number, number]> {
  const [{ pair, close }, second] = [await pairOf(base, post), await pairOf(base, other)]
  let [off, all] = [0, 0]
  for (const name of pair.names.filter(
    (each) => /layers?\.|\bh\./.test(each) && pair.post.tensors.get(each)!.shape.length === 2,
  )) {
    const [before, one, two] = [
      await pair.base.read(name),
      await pair.post.read(name),
      await second.pair.post.read(name),
    ]
    one.forEach((value, i) => ((off += (value - two[i]!) ** 2), (all += (value - before[i]!) ** 2)))
  }
  await Promise.all([close(), second.close()])
  return [Math.sqrt(off), Math.sqrt(all)]
}

for (const name of ['llama3', 'gpt2']) {
  test(`${name}: an adapter of full rank is the model; of a low rank it is near, and says how near`, async () => {
    const [base, post] = [fixture(name, 'base'), fixture(name, 'post')]
    const { pair, close } = await pairOf(base, post)
    const full = join(root, `${name}-full`)
    const tensors = tf.memory().numTensors
    const summary = await extractAdapter(pair, full, {
      rank: 1000,
      include: ['linear'],
      baseModel: base,
      vectors: true,
    })
    assert.equal(tf.memory().numTensors, tensors, 'no tensor is left')
    assertClose(summary.matrices, 1, { tolerance: 1e-6 })
    assert.ok(summary.energy < 1, 'embeddings and norms changed too')
    const [off, all] = await distance(base, post, full)
    assert.ok(off < 1e-4 * all, `${off} of ${all}`)

    const low = join(root, `${name}-low`)
    const { matrices: energy } = await extractAdapter(pair, low, { rank: 4, include: ['linear'], baseModel: base })
    const [rest] = await distance(base, post, low)
    assert.ok(energy > 0.1 && energy < 1)
    assertClose(rest ** 2 / all ** 2, 1 - energy, { tolerance: 1e-3 })
    await close()

    const alone = await openModel(low)
    const [both, name0] = [await pairOf(base, low), pair.names[0]]
    assert.deepEqual(await alone.read(name0!), await both.pair.post.read(name0!), 'with the base that it names')
    await Promise.all([alone.close(), both.close()])
  })
}

test('the factors are those of mergekit, up to the sign of each pair', async () => {
  const reference = await openWeights('test/fixtures/methods/editors/lora-r8.safetensors')
  const names = [...reference.tensors.keys()].filter((name) => !name.includes(':'))
  const folder = 'test/fixtures/methods/inputs'
  const [base, post] = [await openWeights(`${folder}/base.safetensors`), await openWeights(`${folder}/ft1.safetensors`)]
  const view = (weights: typeof base) =>
    ({ folder: 'x', config: null, place: () => null, ...weights }) as unknown as Awaited<
      ReturnType<typeof openCheckpoint>
    >
  const pair = { base: view(base), post: view(post), names, tied: new Map<string, string>(), unmatched: [], dtypes: [] }
  const out = join(root, 'reference')
  await extractAdapter(pair, out, { rank: 8, baseModel: 'base' })
  const written = await openWeights(join(out, 'adapter_model.safetensors'))
  let checked = 0
  for (const name of names.filter((each) => !each.includes('embed'))) {
    for (const [part, key] of [
      ['absA', 'lora_A'],
      ['absB', 'lora_B'],
    ]) {
      const wanted = await reference.read(`${part}:${name}`)
      const given = await written.read(`base_model.model.${name.replace(/\.weight$/, '')}.${key}.weight`)
      const scale = Math.max(...wanted)
      given.forEach((value, i) =>
        assertClose(Math.abs(value), wanted[i]!, { tolerance: 1e-3 * scale }, `${part}:${name}[${i}]`),
      )
      checked++
    }
  }
  assert.ok(checked >= 4, String(checked))
  for (const each of [reference, base, post, written]) await each.close()
})

test('an adapter stands for post in an edit, and what the edit made is extracted again', async () => {
  const [base, post] = [fixture('llama3', 'base'), fixture('llama3', 'post')]
  const first = join(root, 'first')
  const opened = await pairOf(base, post)
  await extractAdapter(opened.pair, first, { rank: 2, include: ['linear'], baseModel: base })
  await opened.close()

  const edited = join(root, 'edited')
  const second = await pairOf(base, first)
  const lowrank = editorNamed('lowrank')
  await editCheckpoint(second.pair, edited, {
    steps: [{ editor: lowrank, options: { rank: 1 } }],
    seed: 0,
    on: 'delta',
    include: ['linear'],
  })
  await second.close()
  assert.ok(
    readFileSync(join(edited, 'config.json'), 'utf8').includes('"model_type": "llama"'),
    'the configuration of the base',
  )
  assert.equal(
    (await readHeader(join(edited, 'model.safetensors'))).entries.length,
    (await readHeader(join(base, 'model.safetensors'))).entries.length,
  )

  const again = join(root, 'again')
  const third = await pairOf(base, edited)
  const { energy } = await extractAdapter(third.pair, again, { rank: 1, include: ['linear'], baseModel: base })
  await third.close()
  assertClose(energy, 1, { tolerance: 1e-5 }, `rank 1 is all there is: ${energy}`)
  const [off, all] = await distance(base, edited, again)
  assert.ok(off < 1e-4 * all, `${off} of ${all}`)
})

/** A tiny tied base, and a model that differs from it in what is given. */
function tiedPair(name: string, changed: Record<string, [number[], number[]]>, tied: boolean) {
  const config = (tie: boolean) => ({
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    tie_word_embeddings: tie,
  })
  const base = {
    'model.embed_tokens.weight': [
      [3, 2],
      [1, 2, 3, 4, 5, 6],
    ],
    'model.layers.0.self_attn.q_proj.weight': [
      [2, 2],
      [1, 0, 0, 1],
    ],
    'model.norm.weight': [[2], [1, 1]],
  } as Record<string, [number[], number[]]>
  return pairOf(
    writeModel(join(root, `${name}-base`), base, config(true)),
    writeModel(join(root, `${name}-post`), { ...base, ...changed }, config(tied)),
  )
}
const namesIn = async (folder: string) =>
  (await readHeader(join(folder, 'adapter_model.safetensors'))).entries.map((entry) => entry.name).sort()

test('where only the head differs from the tied base, the adapter has the head alone, beside factors of zeros', async () => {
  const head = [1, 2, 3, 4, 5, 7]
  const { pair, close } = await tiedPair('head', { 'lm_head.weight': [[3, 2], head] }, false)
  const out = join(root, 'head-adapter')
  for (const include of [undefined, ['lm_head.weight']]) {
    const summary = await extractAdapter(pair, out, {
      rank: 4,
      baseModel: join(root, 'head-base'),
      include,
      overwrite: true,
    })
    assert.deepEqual(
      [summary.tensors, summary.energy, summary.whole.map(({ name }) => name), summary.left],
      [0, 1, ['lm_head.weight'], []],
    )
    const q = 'base_model.model.model.layers.0.self_attn.q_proj'
    assert.deepEqual(await namesIn(out), [
      'base_model.model.lm_head.weight',
      `${q}.lora_A.weight`,
      `${q}.lora_B.weight`,
    ])
  }
  const applied = await openModel(out)
  assert.deepEqual([...(await applied.read('lm_head.weight'))], head)
  assert.deepEqual([...(await applied.read('model.layers.0.self_attn.q_proj.weight'))], [1, 0, 0, 1])
  await applied.close()

  await assert.rejects(
    extractAdapter(pair, join(root, 'none'), { rank: 4, baseModel: 'x', exclude: ['lm_head*'] }),
    /no chosen matrix differs from the base; lm_head\.weight does \(not chosen\), so there is no adapter/,
  )
  await close()
})

test('where only norms differ, they need --vectors; equal models have no adapter', async () => {
  const norms = await tiedPair('norms', { 'model.norm.weight': [[2], [1, 2]] }, true)
  await assert.rejects(
    extractAdapter(norms.pair, join(root, 'none'), { rank: 4, baseModel: 'x' }),
    /differs from the base; model\.norm\.weight does \(stored by --vectors;/,
  )
  await extractAdapter(norms.pair, join(root, 'norms-adapter'), { rank: 4, baseModel: 'x', vectors: true })
  assert.ok((await namesIn(join(root, 'norms-adapter'))).includes('base_model.model.model.norm.weight'))
  await norms.close()

  const same = await tiedPair('same', {}, true)
  await assert.rejects(
    extractAdapter(same.pair, join(root, 'none'), { rank: 4, baseModel: 'x', vectors: true }),
    /no tensor differs from the base/,
  )
  await same.close()
})

test('a delta whose products go beyond float32 has no factors, and is no adapter without them', async () => {
  const [name, shape] = ['model.layers.0.self_attn.q_proj.weight', [600, 640]]
  const filled = (value: number) => ({ [name]: [shape, new Array<number>(600 * 640).fill(value)] }) as const
  const [base, post] = [0, 3e38].map((value) => writeModel(join(root, `filled-${value}`), filled(value)))
  const { pair, close } = await pairOf(base!, post!)
  const out = join(root, 'filled-adapter')
  await assert.rejects(
    extractAdapter(pair, out, { rank: 4, baseModel: 'x' }),
    /tensor "model\.layers\.0\.self_attn\.q_proj\.weight": products of its delta, of norm 1\.86e\+41, go beyond float32: it has no factors; leave it out/,
  )
  assert.ok(!existsSync(out))
  await close()
})

test('a matrix without rows or columns has no factors, and none are asked of it', async () => {
  const [one, two] = [0, 1].map((value) => {
    const square = [
      [2, 2],
      [value, 0, 0, 2 * value],
    ] as const
    return writeModel(join(root, `empty-${value}`), {
      'model.layers.0.mlp.down_proj.weight': [[2, 0], []],
      'model.layers.0.mlp.up_proj.weight': [[0, 2], []],
      'model.layers.0.self_attn.q_proj.weight': square,
      'model.norm.weight': [[2], [value, value]],
    })
  })
  const { pair, close } = await pairOf(one!, two!)
  const out = join(root, 'empty-adapter')
  const summary = await extractAdapter(pair, out, { rank: 4, baseModel: 'x' })
  assert.deepEqual([summary.tensors, summary.parameters, summary.matrices], [1, 4, 1])
  // Where only the norm changed, the factors of zeros are those of a matrix that has entries.
  const only = join(root, 'empty-norm')
  await extractAdapter(pair, only, { rank: 4, baseModel: 'x', vectors: true, exclude: ['*q_proj*'] })
  const factors = (await namesIn(only)).filter((name) => name.includes('lora_A'))
  assert.deepEqual(factors, ['base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight'])
  await close()
})

test('experts of Qwen3-VL-MoE, [in, out] in published files and [out, in] in those that transformers saves, have one adapter', async () => {
  const config = { model_type: 'qwen3_vl_moe', text_config: { model_type: 'qwen3_vl_moe_text', hidden_size: 3 } }
  const name = 'model.language_model.layers.0.mlp.experts.gate_up_proj'
  // One expert of rank 1: rows (1, 2) times columns (1, 2, 3).
  const shapes = {
    saved: [
      [1, 2, 3],
      [1, 2, 3, 2, 4, 6],
    ],
    published: [
      [1, 3, 2],
      [1, 2, 2, 4, 3, 6],
    ],
  } as const
  const found = []
  for (const [form, [shape, values]] of Object.entries(shapes)) {
    const zeros = values.map(() => 0)
    const base = writeModel(join(root, `${form}-base`), { [name]: [shape, zeros] }, config)
    const { pair, close } = await pairOf(base, writeModel(join(root, form), { [name]: [shape, values] }, config))
    const out = join(root, `${form}-adapter`)
    await extractAdapter(pair, out, { rank: 1, baseModel: base })
    const [first, second] = await openModels(base, out)
    assertClose(await second.read(name), values, { tolerance: 1e-5 })
    const { entries } = await readHeader(join(out, 'adapter_model.safetensors'))
    found.push(entries.map((entry) => `${entry.name} [${entry.shape}]`).sort())
    await Promise.all([first.close(), second.close(), close()])
  }
  assert.match(found[0]!.join(), /lora_A\.weight \[1,3\],.*lora_B\.weight \[2,1\]/)
  assert.deepEqual(found[1], found[0])
})
