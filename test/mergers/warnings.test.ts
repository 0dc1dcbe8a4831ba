// Mergers say where they degenerate: what a person reads when a merge is not what its name promises.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { type Convention, mergerNamed, mergeValues, parseMerging, scanModels } from '../../src/mergers/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

before(() => setBackend(BACKEND))

/** Heavy-tailed values with exact zeros and ties; another `phase`, another model. */
const values = (size: number, phase: number) =>
  Float32Array.from({ length: size }, (_, i) =>
    i % 9 === 4 ? 0 : i % 7 === 2 ? -0.5 : Math.tan((i + 7 * phase) * 1.7) * 0.01,
  )

interface Setting {
  options?: object
  /** Options of the models, taken in turn. */
  models?: object[]
  convention?: Convention
  deltas?: ((size: number) => Float32Array)[]
}

/** What is said while a tensor of every shape is merged. */
async function said(name: string, setting: Setting): Promise<string> {
  const { options, models = [{}], convention, deltas = [0, 1].map((m) => (n: number) => values(n, m)) } = setting
  const merging = parseMerging(mergerNamed(name), {
    convention,
    options,
    models: deltas.map((_, m) => models[m % models.length]),
  })
  const parts = [[1], [1, 1], [3], [1, 5], [5, 1], [8, 12], [37], [0], [0, 4], [2, 3, 4]].map((shape) => {
    const size = shape.reduce((product, side) => product * side, 1)
    return { name: String(shape), shape, models: deltas.map((delta) => delta(size)), embedding: false }
  })
  const warnings: string[] = []
  const warn = (text: string) => void warnings.push(text)
  const scannedModels = await scanModels(
    merging,
    async function* () {
      yield* parts
    },
    warn,
  )
  for (const part of parts) await mergeValues({ ...merging, scannedModels }, part, null, { warn })
  return warnings.join('\n')
}

test('what degenerates is said', async () => {
  assert.match(
    await said('regmean', {}),
    /a stack of matrices, such as fused experts, has no Gram matrices; it is averaged/,
  )
  assert.match(
    await said('slerp', { options: { t: 0.5, threshold: 0 } }),
    /linear branch: the cosine of the models is 0\.\d+, beyond 0/,
  )
  assert.match(
    await said('ties', { options: { granularity: 'tensor' }, convention: 'peft' }),
    /trim of model 2: 3 entries: the number of kept ones rounds to 0/,
  )
  assert.match(
    await said('ties', { options: { granularity: 'tensor' }, models: [{ drop_rate: 0.95 }] }),
    /entries are tied at the threshold/,
  )
  assert.match(
    await said('model_stock', { deltas: [(n) => values(n, 0), (n) => values(n, 0).map((v) => -0.5 * v)] }),
    /infinite|outside \[0, 1\]/,
  )
  // Four angles of 180° and two of 0: their mean is 120°, and t = 4 (-1/2) / (1 - 3/2).
  assert.match(
    await said('model_stock', {
      options: { average_of: 'angles' },
      deltas: [1, 1, -1, -1].map((sign) => (n) => values(n, 0).map((v) => sign * v)),
    }),
    /t lies outside \[0, 1\] for 1 of 1 ratios: 4\.000/,
  )
  assert.match(
    await said('ties', { models: [{ drop_rate: 0.95 }] }),
    /trim of model 1: \d+ of 172 entries are tied at the threshold/,
  )
  const few = (n: number) => Float32Array.from({ length: n }, (_, i) => (i < 2 ? 200 : i))
  assert.match(
    await said('ties', { options: { granularity: 'tensor' }, models: [{ drop_rate: 0.99 }], deltas: [few, few] }),
    /trim of model 1: 2 of 96 entries are tied at the threshold/,
  )
  assert.match(await said('tsv_merge', {}), /1 × 5 has no singular vector for each of 2 models/)
})
