// Runs a reference case of an editor through our own code: what it means in our words, masks and data as the case gives them.
import assert from 'node:assert/strict'
import { applySteps, editorNamed, parseOptions, scanModel } from '../../src/editors/index.js'
import { keyOf, type Svd, tf } from '../../src/tensor/index.js'
import { baseOf, type Case, cases, deltas, type Entry, readAll, readTensors } from './fixtures.js'

export type Meant = [editor: string, options: Record<string, unknown>]

/** The editor and the options that a reference case means. */
export function meant({ id, method, parameters: p }: Case): Meant {
  if (id.startsWith('dare-mergekit')) return ['dare', { drop_rate: 1 - p.density, convention: 'mergekit' }]
  if (/^dare-p|^extended/.test(id)) return ['dare', { drop_rate: p.p, k: p.k ?? 0 }]
  if (id.startsWith('drop-only')) return ['dare', { drop_rate: p.p, rescale: false }]
  if (method === 'magprune') return ['magprune', magprune(id, p)]
  if (id.startsWith('breadcrumbs-rows')) return ['breadcrumbs', { drop_rate: 1 - p.beta_keep, gamma: p.gamma_remove }]
  if (id.startsWith('breadcrumbs'))
    return [
      'breadcrumbs',
      { drop_rate: 1 - p.density, gamma: p.gamma, convention: 'mergekit-0.1.4', rescale: p.rescale === 'l1' },
    ]
  if (id.startsWith('magnitude-mergelm'))
    return ['magnitude', { drop_rate: p.p, convention: 'mergelm', rescale: p.rescale }]
  if (id.startsWith('magnitude-mergekit'))
    return ['magnitude', { drop_rate: 1 - p.density, convention: 'mergekit', rescale: true }]
  if (id.startsWith('magnitude-ties'))
    return ['magnitude', { drop_rate: 1 - p.K / 100, convention: 'ties', granularity: 'model' }]
  if (id.startsWith('magnitude'))
    return ['magnitude', { drop_rate: 1 - p.density, granularity: p.granularity ?? 'tensor' }]
  if (id.startsWith('biased'))
    return ['biased', { by: id.includes('product') ? 'product' : 'delta', k: p.k, drop_rate: p.p }]
  if (id.startsWith('bitdelta'))
    return [
      'bitdelta',
      p.blocks ? { blocks: p.blocks } : p.passes ? { passes: p.passes } : { multiplier: p.multiplier },
    ]
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
  return {
    ...shared,
    convention: 'della',
    granularity: id.includes('layer') ? 'tensor' : 'row',
    by: id.includes('norank') ? 'magnitude' : 'rank',
  }
}

/** What a case gives besides the models: a mask, a gradient, calibration inputs. */
export function givenOf(
  { given = [] }: Case,
  name: string,
): {
  keep?: Float32Array | undefined
  gradient?: Float32Array | undefined
  gram?: Float64Array | undefined
  factors?: Svd | undefined
} {
  const files = new Map(
    given.map((path) => [path.replace(/^given\/|\.safetensors$/g, ''), readAll(path) as Map<string, Entry>]),
  )
  const mask = [...files].find(([id]) => /^(keep|magprune|impart)/.test(id))?.[1]
  const fed = files.get('calibration')?.get(name)
  const gradient = files.get('gradient')?.get(name)
  const [u, v] = [mask?.get(`U:${name}`), mask?.get(`V:${name}`)]
  return {
    keep: u && v ? Float32Array.of(...u.values, ...v.values) : mask?.get(`ft1/${name}`)?.values,
    gradient: gradient?.values,
    gram: fed && gramOf(fed),
    factors: files.has('svd') ? svdOf(files.get('svd')!, name) : undefined,
  }
}

/** XᵀX of calibration inputs [tokens, columns]. */
export function gramOf({ shape: [tokens, columns], values }: Pick<Entry, 'shape' | 'values'>): Float64Array {
  const column = (j: number) => Array.from({ length: tokens! }, (_, t) => values[t * columns! + j])
  const all = Array.from({ length: columns! }, (_, j) => column(j))
  return Float64Array.from(all.flatMap((a) => all.map((b) => a.reduce((sum, x, t) => sum! + x! * b[t]!, 0))))
}

export const transposed = ({ shape: [rows, columns], values }: Entry) =>
  Float32Array.from({ length: values.length }, (_, at) => values[(at % rows!) * columns! + Math.floor(at / rows!)]!)

function svdOf(file: Map<string, Entry>, name: string): Svd | undefined {
  const [u, s, v] = ['U', 'S', 'V'].map((part) => file.get(`${part}:${name}`)!)
  return (
    s && {
      rows: u!.shape[0]!,
      columns: v!.shape[0]!,
      s: Float64Array.from(s.values),
      ut: transposed(u!),
      vt: transposed(v!),
    }
  )
}

async function edited(
  reference: Case,
  name: string,
  delta: Entry,
  [editor, options]: Meant,
  scanned?: unknown[],
): Promise<Float32Array> {
  const { gradient, factors, ...given } = givenOf(reference, name)
  const step = { editor: editorNamed(editor), options: parseOptions(editorNamed(editor), options) }
  // Where factors are given, they take the place of our own: each singular pair is free up to its sign.
  if (!factors)
    return applySteps([step], delta.values, delta.shape, { seed: 0, tensor: name, gradient, scanned, ...given })
  const out = tf.tidy(() => {
    const x = tf.tensor(delta.values, delta.shape)
    return step.editor.edit(x, {
      options: step.options,
      key: keyOf(0),
      offset: 0,
      scanned: undefined,
      factors,
      ...given,
    })
  })
  const values = (await out.data()) as Float32Array
  out.dispose()
  return values
}

/** Cases that `runCase` compares; the others have tests of their own. */
export const runnable = cases.filter(({ id }) => !/singular|bf16|^lora/.test(id))

export interface Comparison {
  name: string
  actual: Float32Array
  expected: Float32Array
}

/** Our result beside the expected one, per tensor that the case has. */
export async function runCase(reference: Case): Promise<Comparison[]> {
  const expected = readTensors(reference.expected)
  assert.ok(expected.size >= 2)
  const all = deltas(reference.models[0]!)
  const [editor, options] = meant(reference)
  const step = { editor: editorNamed(editor), options: parseOptions(editorNamed(editor), options) }
  const scanned = await scanModel([step], async function* () {
    for (const [name, { values }] of all) yield [name, values] as const
  })
  const out: Comparison[] = []
  for (const [name, delta] of all) {
    const wanted = expected.get(name)
    if (!wanted) continue
    // Twin-Merging leaves vectors out, which is the choice of tensors, not the editor's.
    const skipped = reference.id.startsWith('magnitude-twin') && delta.shape.length === 1
    const own = reference.id === 'darex-per-layer' ? { ...options, q: reference.q_used![name] } : options
    const values = skipped ? delta.values : await edited(reference, name, delta, [editor, own], scanned)
    const base = reference.output === 'weights' ? baseOf(name).values : undefined
    out.push({ name, actual: base ? values.map((v, i) => v + base[i]!) : values, expected: wanted.values })
  }
  return out
}
