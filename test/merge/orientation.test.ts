// Matrices that are stored [inputs, outputs] (Conv1D of GPT-2, experts of gpt-oss): the same network stored the other way round gives
// the same merge and the same edit, for every method that tells inputs from outputs. Numbers of PyTorch for RegMean of GPT-2.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { matrixLayout, openCheckpoint, pairCheckpoints, writeCheckpoint } from '../../src/checkpoint/index.js'
import { editCheckpoint, openGrams } from '../../src/edit/index.js'
import { type Editor, editors, parseOptions } from '../../src/editors/index.js'
import { gramMatrices } from '../../src/loss/index.js'
import { locateMerge, openMerge, writeMerge } from '../../src/merge/index.js'
import { mergers } from '../../src/mergers/index.js'
import { padBatch } from '../../src/models/index.js'
import { countEntries, setBackend, tf, turnedShape, turnMatrices } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { temporary } from '../checkpoint/files.js'
import { assertClose } from '../close.js'
import { FIXTURES, openFixture } from '../models/fixture.js'

before(() => setBackend(BACKEND))

const root = temporary()

/** How two kinds of models store their matrices. */
const KINDS = {
  gpt2: {
    'transformer.wte.weight': [30, 24],
    'transformer.h.0.ln_1.weight': [24],
    'transformer.h.0.attn.c_attn.weight': [24, 72],
    'transformer.h.0.attn.c_proj.weight': [24, 24],
  },
  gpt_oss: { 'model.layers.0.mlp.experts.gate_up_proj': [3, 24, 16], 'model.norm.weight': [24] },
} as const
type Kind = keyof typeof KINDS
const kinds = Object.keys(KINDS) as Kind[]

const isTurned = (kind: Kind, name: string): boolean =>
  matrixLayout(name, (KINDS[kind] as Record<string, readonly number[]>)[name]!, { model_type: kind }).turned

/** A model as its kind stores it, or with its matrices [outputs, inputs], as another kind would store them. */
async function writeModel(kind: Kind, seed: number, way: 'stored' | 'plain'): Promise<string> {
  const tensors = Object.entries(KINDS[kind]).map(([name, shape], t) => {
    const values = Float32Array.from(
      { length: countEntries(shape) },
      (_, i) => Math.sin(i * 12.9898 + t) + (seed / 50) * Math.sin(i * 78.233 + seed + t) * Math.sin(i ** 2),
    )
    return way === 'plain' && isTurned(kind, name)
      ? { name, shape: turnedShape(shape), values: turnMatrices(values, shape) }
      : { name, shape: [...shape], values }
  })
  const folder = join(root, kind, way, `model${seed}`)
  const plan = tensors.map(({ name, shape }) => ({ name, shape, dtype: 'F32' }))
  await writeCheckpoint(folder, { plan, tensors, config: { model_type: way === 'plain' ? 'test' : kind } })
  return folder
}

/** Gram matrices of 24 inputs for the matrices of GPT-2. */
async function writeGrams(seed: number): Promise<string> {
  const names = Object.keys(KINDS.gpt2).filter((name) => name.includes('attn'))
  const folder = join(root, `grams${seed}`)
  const values = Float32Array.from({ length: 24 * 24 }, (_, at) => {
    const [i, j] = [Math.floor(at / 24), at % 24]
    return 0.8 ** Math.abs(i - j) * Math.sqrt((1 + ((i * seed) % 5)) * (1 + ((j * seed) % 5)))
  })
  await writeCheckpoint(folder, {
    plan: names.map((name) => ({ name, shape: [24, 24], dtype: 'F32' })),
    tensors: names.map((name) => ({ name, values })),
    config: null,
    overwrite: true,
  })
  return folder
}

const models = async (kind: Kind, way: 'stored' | 'plain') => {
  const made: string[] = []
  for (const seed of [0, 1, 2]) made.push(await writeModel(kind, seed, way))
  return made as [string, string, string]
}
const written = new Map(
  kinds.flatMap((kind) => (['stored', 'plain'] as const).map((way) => [`${kind} ${way}`, models(kind, way)])),
)

/** Both ways to store a model, and what `write` makes of them; a tensor at a time, both as [outputs, inputs]. */
async function compare(
  kind: Kind,
  write: (models: readonly [string, string, string], out: string) => Promise<void>,
  visit: (stored: Float32Array, plain: Float32Array, name: string) => void,
): Promise<void> {
  const results = await Promise.all(
    (['stored', 'plain'] as const).map(async (way) => {
      const out = join(root, `out${++outputs}`)
      await write(await written.get(`${kind} ${way}`)!, out)
      return openCheckpoint(out)
    }),
  )
  const [stored, plain] = results as [(typeof results)[0], (typeof results)[0]]
  for (const [name, shape] of Object.entries(KINDS[kind])) {
    const values = await stored.read(name)
    visit(isTurned(kind, name) ? turnMatrices(values, shape) : values, await plain.read(name), name)
  }
  await Promise.all(results.map((each) => each.close()))
}
let outputs = 0

async function merged(config: object, [base, one, two]: readonly [string, string, string], out: string): Promise<void> {
  const { models: own = [{}, {}], ...rest } = config as { models?: object[] }
  const file = {
    base_model: base,
    seed: 3,
    models: own.map((each, i) => ({ model: [one, two][i], ...each })),
    ...rest,
  }
  const opened = await openMerge('merge.yml', locateMerge(file, 'merge.yml'), {})
  try {
    await writeMerge(opened, out, {
      backend: BACKEND,
      overwrite: false,
      shardSize: 5,
      jobs: 1,
      resume: { discard: false, note: () => undefined },
    })
  } finally {
    await opened.close()
  }
}

const exact = (stored: Float32Array, plain: Float32Array, name: string) => assert.deepEqual(stored, plain, name)
/** Of methods that treat rows and columns alike, whose sums run in another order. */
const near = (stored: Float32Array, plain: Float32Array, name: string) =>
  stored.forEach((value, i) => assertClose(value, plain[i]!, { tolerance: 2e-6 }, `${name}[${i}]`))

/** What a merger cannot do without; those that tell inputs from outputs only with some options have these. */
const settings: Record<string, object> = {
  slerp: { parameters: { t: 0.3 } },
  nearswap: { models: [{}], parameters: { t: 0.01 } },
  passthrough: { models: [{}] },
  arcee_fusion: { models: [{}] },
  model_stock: { parameters: { filter_wise: true } },
  twin: { parameters: { fraction: 0.2 }, models: [{ parameters: { gate: 0.5 } }, {}] },
}

for (const merger of mergers) {
  // It has no paper: mergekit's lines are those of the last axis, as they are stored.
  if (merger.name === 'arcee_fusion') continue
  const needs = merger.reads === 'whole' ? merger.data : undefined
  test(`merger ${merger.name}: the same network either way`, async () => {
    const data = needs && [await writeGrams(1), await writeGrams(2)]
    for (const kind of needs === 'gram' ? (['gpt2'] as const) : kinds) {
      const config = { merger: merger.name, ...settings[merger.name] }
      const write = (all: readonly [string, string, string], out: string) => {
        const given = { gram: data, fisher: all.slice(1), none: undefined }[needs ?? 'none']
        const own = given && { models: given.map((each) => ({ data: each })) }
        return merged({ ...config, ...own }, all, out)
      }
      await compare(kind, write, ['regmean', 'widen', 'knots_ties', 'model_stock'].includes(merger.name) ? exact : near)
    }
  })
}

test("mergekit's ranks and rows are those of the last axis, as they are stored", async () => {
  let differ = 0
  const count = (stored: Float32Array, plain: Float32Array) => void (differ += Number(String(stored) !== String(plain)))
  const della = {
    merger: 'task_arithmetic',
    models: [{ editors: [{ editor: 'magprune', drop_rate: 0.5, epsilon: 0.4, convention: 'mergekit' }] }],
  }
  await compare('gpt2', (all, out) => merged(della, all, out), count)
  assert.equal(differ, 2)
  const rows = { merger: 'model_stock', convention: 'mergekit', parameters: { filter_wise: true } }
  await compare('gpt2', (all, out) => merged(rows, all, out), count)
  assert.equal(differ, 4)
})

const EDITS: Record<string, object[]> = {
  magnitude: [{ drop_rate: 0.4, granularity: 'row' }, { drop_rate: 0.4 }],
  magprune: [
    { drop_rate: 0.5, epsilon: 0.4 },
    { drop_rate: 0.5, epsilon: 0.4, by: 'magnitude', convention: 'della' },
  ],
  breadcrumbs: [
    { drop_rate: 0.5, gamma: 0.1 },
    { drop_rate: 0.5, gamma: 0.1, convention: 'mergelm' },
  ],
  delta_come: [{ bands: '3x4', quantiser: 'gptq' }],
}

/** Edits with the editor alone, and behind another one. */
for (const [name, all] of Object.entries(EDITS))
  test(`editor ${name}: the same network either way`, async () => {
    const editor = editors.find((each) => each.name === name) as Editor
    const needsGrams = name === 'delta_come'
    const folder = needsGrams ? await writeGrams(1) : null
    for (const options of all)
      for (const kind of needsGrams ? (['gpt2'] as const) : kinds) {
        const write = async ([base, post]: readonly [string, string, string], out: string) => {
          const pair = await pairCheckpoints(await openCheckpoint(base), await openCheckpoint(post))
          const grams = folder ? await openGrams(folder, pair) : undefined
          const steps = [
            { editor: editors.find((each) => each.name === 'expo')!, options: { alpha: 0.5 } },
            { editor, options: parseOptions(editor, options) },
          ]
          const include = needsGrams ? ['*attn*'] : []
          await editCheckpoint(pair, out, { steps, seed: 5, on: 'delta', grams, include, jobs: 1 })
          await Promise.all([pair.base.close(), pair.post.close(), grams?.close()])
        }
        await compare(kind, write, needsGrams ? near : exact)
      }
  })

/** By PyTorch 2.13.0 and transformers 5.18.0 in float64: Conv1D written as nn.Linear, inputs seen by hooks, RegMean as in MergeLM. */
const EXPECTED = {
  'h.0.mlp.c_fc': {
    gram: [0.6824756093820502, -0.024586990854816748, 1.594684503582736],
    merged: [0.06799192433770833, 0.12483088043495505, 0.01674257346963998, 0.07080449397666638],
  },
  'h.1.attn.c_proj': {
    gram: [6.080317449032714, -3.468846426647323, -1.1309953290250718],
    merged: [0.016123003199188145, -0.32142640620704677, -0.41453026325828046, -0.1575371078537536],
  },
}

test('RegMean of GPT-2 on the inputs of its layers, as in PyTorch', async () => {
  const ids = [1, 7, 42, 99, 5, 150, 23, 64]
  const data: string[] = []
  const { model, base: before, post: after } = await openFixture('gpt2')
  const batch = padBatch([{ prompt: ids.slice(0, -1), target: ids.slice(-1) }], [0], 0)
  for (const [name, weights] of Object.entries({ base: before, post: after })) {
    const grams = await gramMatrices(model, weights, [batch])
    tf.dispose(weights)
    assert.deepEqual([...grams.keys()].sort(), [...model.linear].sort())
    for (const [layer, { gram }] of name === 'post' ? Object.entries(EXPECTED) : []) {
      const found = grams.get(`transformer.${layer}.weight`)!
      const side = Math.sqrt(found.length)
      for (const [i, at] of [0, 1, 3 * side + 7].entries()) assertClose(found[at]!, gram[i]!, { relative: 1e-5 }, layer)
    }
    data.push(join(root, `measured-${name}`))
    await writeCheckpoint(data.at(-1)!, {
      plan: [...grams].map(([layer, { length }]) => ({
        name: layer,
        shape: [Math.sqrt(length), Math.sqrt(length)],
        dtype: 'F32',
      })),
      tensors: [...grams].map(([layer, values]) => ({ name: layer, values })),
      config: null,
    })
  }
  const out = join(root, 'regmean')
  const fixture = join(FIXTURES, 'gpt2')
  const [base, post] = [join(fixture, 'base'), join(fixture, 'post')]
  await merged({ merger: 'regmean', models: data.map((each) => ({ data: each })) }, [base, base, post], out)
  const result = await openCheckpoint(out)
  for (const [layer, { merged: wanted }] of Object.entries(EXPECTED)) {
    const name = `transformer.${layer}.weight`
    const columns = result.tensors.get(name)!.shape[1]!
    const values = await result.read(name)
    for (const [i, at] of [0, 5, 5 * columns, 17 * columns + 3].entries())
      assertClose(values[at]!, wanted[i]!, { tolerance: 1e-5 }, `${name} ${at}`)
  }
  await result.close()
})
