// The memory that a merger says it takes: no less than its operations hold on the backend, and its search for triplets.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { mergers, mergeTensors, parseMerging, scanModels } from '../../src/mergers/index.js'
import { countEntries, setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

before(() => setBackend(BACKEND))

const draw = (seed: number, shape: readonly number[]) =>
  Float32Array.from({ length: countEntries(shape) }, (_, i) => Math.sin((i + 1) * (seed + 1.37)))

/** Options with which a merger does all that it can. */
const given: Record<string, { options?: object; model?: object }> = {
  slerp: { options: { t: 0.3 } },
  nearswap: { options: { t: 0.5 } },
  ties: { model: { drop_rate: 0.4 } },
  emr: { options: { task: 1 } },
  twin: { model: { gate: 0.5 } },
  sce: { options: { select_topk: 0.5 } },
}

for (const merger of mergers) {
  test(`${merger.name}: its operations hold no more on the backend than it says`, async () => {
    const { options = {}, model = {} } = given[merger.name] ?? {}
    const n = Math.min(3, merger.count[1])
    for (const shape of [[40, 64], [96]]) {
      const values = Array.from({ length: n }, (_, m) => draw(m, shape))
      const side = merger.name === 'regmean' ? [shape[1] ?? 1, shape[1] ?? 1] : shape
      const data = ['regmean', 'fisher'].includes(merger.name) && shape.length === 2
      const grams = values.map((_, m) => draw(m, side).map((x, i) => (i % (side[1]! + 1) ? x / 1e3 : 4)))
      const merging = parseMerging(merger, { options, models: values.map(() => model) })
      const walk = async function* () {
        yield { name: 't', shape, models: values, ...(data && { given: grams }) }
      }
      const scannedModels = await scanModels(merging, walk)
      const inputs = {
        name: 't',
        models: values.map((own) => tf.tensor(own, shape)),
        base: tf.tensor(draw(9, shape), shape),
        embedding: false,
        ...(data && { given: grams.map((own) => tf.tensor(own, side)) }),
      }
      const held = tf.memory().numBytes
      const { peakBytes, result } = await tf.profile(
        () => mergeTensors({ ...merging, scannedModels }, inputs, () => undefined) as never,
      )
      const taken = peakBytes - held - 4 * countEntries(shape)
      assert.ok(taken <= merger.workBytes(shape, n), `[${shape}]: ${taken} bytes, ${merger.workBytes(shape, n)} said`)
      tf.dispose([result as never, ...inputs.models, inputs.base, ...(inputs.given ?? [])])
    }
  })
}
