// Every editor against the reference outputs of the field's tools.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { dareFactors } from '../../src/editors/dare.js'
import { rankOf } from '../../src/editors/lowrank.js'
import { applySteps, editorNamed, parseOptions } from '../../src/editors/index.js'
import { setBackend, svd, tf, type Tensor, type Tensor2D } from '../../src/tensor/index.js'
import { baseOf, cases, deltas, readTensors, type Case, type Entry } from './fixtures.js'

before(() => setBackend('wasm'))

/** The editor and the options that a reference case means. */
function meant({ id, parameters: p }: Case): [editor: string, options: Record<string, unknown>] {
  if (id.startsWith('magnitude')) return ['magnitude', { drop_rate: 1 - p.density }]
  if (id.startsWith('biased')) return ['biased', { by: id.includes('product') ? 'product' : 'delta', k: p.k, drop_rate: p.p }]
  if (id.startsWith('bitdelta')) return ['bitdelta', p.blocks ? { blocks: p.blocks } : { multiplier: p.multiplier }]
  if (id.startsWith('expo')) return ['expo', { alpha: p.alpha }]
  if (id.startsWith('twin')) return ['lowrank', { fraction: p.density }]
  if (p.energy) return ['lowrank', { energy: p.energy }]
  return ['lowrank', { rank: id === 'lowrank-rfull' ? 32 : p.rank }]
}

function compare(actual: ArrayLike<number>, expected: Float32Array, { tolerance }: Case, name: string) {
  assert.equal(actual.length, expected.length)
  expected.forEach((b, i) => {
    const error = Math.abs(actual[i] - b)
    const allowed = tolerance.kind === 'exact' ? 0 : tolerance.rtol * Math.abs(b) + tolerance.atol
    assert.ok(error <= allowed, `${name}[${i}]: ${actual[i]} against ${b}`)
  })
}

async function edited(reference: Case, name: string, delta: Entry, given?: Map<string, Entry>): Promise<Float32Array> {
  const [editor, options] = meant(reference)
  const step = { editor: editorNamed(editor), options: parseOptions(editorNamed(editor), options) }
  const x = tf.tensor(delta.values, delta.shape)
  const gradient = given && tf.tensor(given.get(name)!.values, delta.shape)
  const out = await applySteps([step], x, { seed: 0, tensor: name, gradient })
  const values = (await out.data()) as Float32Array
  tf.dispose([x, out, ...(gradient ? [gradient] : [])])
  return values
}

for (const reference of cases.filter(({ id }) => !/dare|drop-only|singular/.test(id))) {
  test(reference.id, async () => {
    const given = reference.given && readTensors(reference.given[0])
    const expected = readTensors(reference.expected)
    assert.ok(expected.size >= 4)
    for (const [name, delta] of deltas(reference.models[0])) {
      const wanted = expected.get(name)
      if (!wanted) continue
      const values = await edited(reference, name, delta, given)
      const base = reference.output === 'weights' ? baseOf(name).values : undefined
      compare(base ? values.map((v, i) => v + base[i]) : values, wanted.values, reference, name)
    }
  })
}

for (const reference of cases.filter(({ id }) => /dare|drop-only/.test(id))) {
  test(`${reference.id}, by its mask`, () => {
    const { p, k = 0 } = reference.parameters
    const { dropped, kept } = dareFactors({ drop_rate: p, k, rescale: reference.id !== 'drop-only-p0.5' })
    const masks = readTensors(reference.given![0])
    for (const [name, { values }] of deltas('ft1')) {
      const mask = masks.get(`ft1/${name}`)!.values
      const factors = Float32Array.from(mask, (keep) => (keep ? kept : dropped))
      compare(values.map((v, i) => v * factors[i]), readTensors(reference.expected).get(name)!.values, reference, name)
    }
  })
}

test('singular values, and ranks by energy', async () => {
  const reference = cases.find(({ id }) => id === 'singular-values')!
  const expected = readTensors(reference.expected)
  for (const [name, { shape, values }] of deltas('ft1')) {
    if (!expected.has(name)) continue
    const x: Tensor = tf.tensor(values, shape)
    const { s } = await svd(x as Tensor2D)
    x.dispose()
    compare(s, expected.get(name)!.values, reference, name)
    for (const energy of [0.5, 0.9]) {
      const wanted = cases.find(({ id }) => id === `lowrank-energy${energy}`)!.rank![name]
      assert.equal(rankOf({ energy }, shape, s), wanted)
    }
  }
})
