// Every editor against the reference outputs of the field's tools: all public cases, each within its own tolerance.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { applySteps, editorNamed, parseOptions, takeCensus, type LayerInputs } from '../../src/editors/index.js'
import { bandsOf, quantiseBand } from '../../src/editors/delta_come.js'
import { dropRatios } from '../../src/editors/impart.js'
import { rankOf } from '../../src/editors/lowrank.js'
import { keepProbabilities } from '../../src/editors/magprune.js'
import { keyOf, setBackend, svd, tf, type Svd, type Tensor, type Tensor2D } from '../../src/tensor/index.js'
import { baseOf, cases, deltas, readAll, readTensors, type Case, type Entry } from './fixtures.js'

before(() => setBackend('wasm'))

type Meant = [editor: string, options: Record<string, unknown>]

/** The editor and the options that a reference case means. */
function meant({ id, method, parameters: p }: Case): Meant {
  if (id.startsWith('dare-mergekit')) return ['dare', { drop_rate: 1 - p.density, convention: 'mergekit' }]
  if (/^dare-p|^extended/.test(id)) return ['dare', { drop_rate: p.p, k: p.k ?? 0 }]
  if (id.startsWith('drop-only')) return ['dare', { drop_rate: p.p, rescale: false }]
  if (method === 'magprune') return ['magprune', magprune(id, p)]
  if (id.startsWith('breadcrumbs-rows')) return ['breadcrumbs', { drop_rate: 1 - p.beta_keep, gamma: p.gamma_remove }]
  if (id.startsWith('breadcrumbs')) return ['breadcrumbs', { drop_rate: 1 - p.density, gamma: p.gamma, convention: 'mergekit', rescale: p.rescale === 'l1' }]
  if (id.startsWith('magnitude-mergelm')) return ['magnitude', { drop_rate: p.p, convention: 'mergelm', rescale: p.rescale }]
  if (id.startsWith('magnitude-mergekit')) return ['magnitude', { drop_rate: 1 - p.density, convention: 'mergekit', rescale: true }]
  if (id.startsWith('magnitude-ties')) return ['magnitude', { drop_rate: 1 - p.K / 100, convention: 'ties', granularity: 'model' }]
  if (id.startsWith('magnitude')) return ['magnitude', { drop_rate: 1 - p.density, granularity: p.granularity ?? 'tensor' }]
  if (id.startsWith('biased')) return ['biased', { by: id.includes('product') ? 'product' : 'delta', k: p.k, drop_rate: p.p }]
  if (id.startsWith('bitdelta')) return ['bitdelta', p.blocks ? { blocks: p.blocks } : p.passes ? { passes: p.passes } : { multiplier: p.multiplier }]
  if (id.startsWith('expo')) return ['expo', { alpha: p.alpha }]
  if (id.startsWith('twin')) return ['lowrank', { fraction: p.density }]
  if (p.energy) return ['lowrank', { energy: p.energy }]
  if (id.startsWith('darex')) return ['darex', { drop_rate: p.p, q: p.q ?? 1 }]
  if (id.startsWith('impart')) return ['impart', { drop_rate: p.alpha, beta: p.beta, exponent: p.C }]
  if (id.startsWith('delta-come')) {
    const bands = p.bands.map(({ bits, columns }: { bits: number; columns: number }) => `${bits}x${columns}`).join('+')
    return ['delta_come', { bands, group: p.group, quantiser: p.gptq ? 'gptq' : 'nearest' }]
  }
  return ['lowrank', { rank: id === 'lowrank-rfull' ? 32 : p.rank }]
}

/** mergekit's epsilon is half the window; the code of della is what the cases ran. */
function magprune(id: string, p: Record<string, any>) {
  const shared = { drop_rate: 1 - p.density, epsilon: p.window_size ?? 2 * p.epsilon }
  if (p.epsilon) return { ...shared, convention: 'mergekit' }
  return { ...shared, convention: 'della', granularity: id.includes('layer') ? 'tensor' : 'row', by: id.includes('norank') ? 'magnitude' : 'rank' }
}

function compare(actual: ArrayLike<number>, expected: ArrayLike<number>, { tolerance }: Pick<Case, 'tolerance'>, name: string) {
  assert.equal(actual.length, expected.length)
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i])
    const allowed = tolerance.kind === 'exact' ? 0 : tolerance.rtol * Math.abs(expected[i]) + tolerance.atol
    assert.ok(error <= allowed, `${name}[${i}]: ${actual[i]} against ${expected[i]}`)
  }
}

/** What a case gives besides the models: a mask, a gradient, calibration inputs. */
function givenOf({ given = [] }: Case, name: string): { keep?: Float32Array; gradient?: Tensor; inputs?: LayerInputs; facts?: Svd } {
  const files = new Map(given.map((path) => [path.replace(/^given\/|\.safetensors$/g, ''), readAll(path) as Map<string, Entry>]))
  const mask = [...files].find(([id]) => /^(keep|magprune|impart)/.test(id))?.[1]
  const fed = files.get('calibration')?.get(name)
  const gradient = files.get('gradient')?.get(name)
  const [u, v] = [mask?.get(`U:${name}`), mask?.get(`V:${name}`)]
  return {
    keep: u && v ? Float32Array.of(...u.values, ...v.values) : mask?.get(`ft1/${name}`)?.values,
    gradient: gradient && tf.tensor(gradient.values, gradient.shape),
    inputs: fed && { tokens: fed.shape[0], values: fed.values },
    facts: files.has('svd') ? svdOf(files.get('svd')!, name) : undefined,
  }
}

const transposed = ({ shape: [rows, columns], values }: Entry) =>
  Float32Array.from({ length: values.length }, (_, at) => values[(at % rows) * columns + Math.floor(at / rows)])

function svdOf(file: Map<string, Entry>, name: string): Svd | undefined {
  const [u, s, v] = ['U', 'S', 'V'].map((part) => file.get(`${part}:${name}`)!)
  return s && { rows: u.shape[0], columns: v.shape[0], s: Float64Array.from(s.values), ut: transposed(u), vt: transposed(v) }
}

async function edited(reference: Case, name: string, delta: Entry, [editor, options]: Meant, census?: unknown[]): Promise<Float32Array> {
  const { gradient, facts, ...given } = givenOf(reference, name)
  const step = { editor: editorNamed(editor), options: parseOptions(editorNamed(editor), options) }
  const x = tf.tensor(delta.values, delta.shape)
  // Where factors are given, they take the place of our own: each singular pair is free up to its sign.
  const out = facts ? tf.tidy(() => step.editor.edit(x, { options: step.options, key: keyOf(0), offset: 0, facts, ...given }))
    : await applySteps([step], x, { seed: 0, tensor: name, gradient, census, ...given })
  const values = (await out.data()) as Float32Array
  tf.dispose([x, out, ...(gradient ? [gradient] : [])])
  return values
}

for (const reference of cases.filter(({ id }) => !/singular|bf16|^lora/.test(id))) {
  test(reference.id, async () => {
    const expected = readTensors(reference.expected)
    assert.ok(expected.size >= 2)
    const all = deltas(reference.models[0])
    const [editor, options] = meant(reference)
    const step = { editor: editorNamed(editor), options: parseOptions(editorNamed(editor), options) }
    const census = await takeCensus([step], async function* () {
      for (const [name, { values }] of all) yield [name, values] as const
    })
    for (const [name, delta] of all) {
      const wanted = expected.get(name)
      if (!wanted) continue
      // Twin-Merging leaves vectors out, which is the choice of tensors, not the editor's.
      const skipped = reference.id.startsWith('magnitude-twin') && delta.shape.length === 1
      const own = reference.id === 'darex-per-layer' ? { ...options, q: reference.q_used![name] } : options
      const values = skipped ? delta.values : await edited(reference, name, delta, [editor, own], census)
      const base = reference.output === 'weights' ? baseOf(name).values : undefined
      compare(base ? values.map((v, i) => v + base[i]) : values, wanted.values, reference, name)
    }
  })
}

test('keep probabilities of magprune, drop ratios of impart, factors of delta_come', () => {
  const close = (rtol: number, atol = 0) => ({ tolerance: { kind: 'close' as const, rtol, atol } })
  let seen = 0
  for (const reference of cases.filter(({ method }) => ['magprune', 'impart', 'delta_come'].includes(method!))) {
    const [editor, raw] = meant(reference)
    const options = parseOptions(editorNamed(editor), raw) as any
    const expected = readAll(reference.expected)
    for (const [name, { shape, values }] of deltas('ft1')) {
      const [prob, drop] = [expected.get(`prob:${name}`), expected.get(`drop:${name}`)]
      const { facts, inputs } = shape.length === 2 ? givenOf(reference, name) : {}
      if (prob) compare(keepProbabilities(values, shape, options), prob.values, close(1e-5), name)
      if (drop) compare(dropRatios(facts!.s, options), drop.values, close(1e-5), name)
      seen += (prob ? 1 : 0) + (drop ? 1 : 0)
      if (reference.method !== 'delta_come' || !facts) continue
      for (const band of bandsOf(options, 32)) {
        const { u, vt } = quantiseBand(facts, band, options, inputs)
        const [wantedU, wantedV] = [expected.get(`U${band.bits}:${name}`)!, expected.get(`V${band.bits}:${name}`)!]
        for (const [actual, wanted] of [[u, wantedU.values], [vt, transposed(wantedV as Entry)]] as const) {
          compare(actual, wanted, close(0, 1e-5 * wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0)), `${reference.id} ${band.bits} ${name}`)
          seen++
        }
      }
    }
  }
  assert.equal(seen, 5 * 8 - 4 + 4 + 3 * 2 * 3 * 2)
})

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
