// Delta files as inputs of passes: threads make the pieces of each tensor, in blocks that no piece begins with, and give what files give.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { apply, compress, merge } from '../../src/api/index.js'
import { openDelta } from '../../src/delta/index.js'
import { leastStream } from '../../src/stream/index.js'
import { temporary } from '../checkpoint/files.js'
import { type Raw, rawFile } from './pairs.js'
import '../backend.js'

const root = temporary()
const at = (name: string): string => join(root, name)

/** A block of passes is about 2^20 entries, of whole rows; a piece is 2^21 bytes. */
const SHAPES = { wide: [1500, 1001], flat: [2, 1200, 701], small: [30, 40] }

/** Two matrices in BF16 and F32, each of several blocks, and a small one. @param seed 0 is the base */
function writeModel(name: string, seed: number): void {
  let state = 1 + seed
  const draw = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5
  const tensors: Raw = {}
  for (const [key, shape] of Object.entries(SHAPES)) {
    const values = new Float32Array(shape.reduce((one, two) => one * two)).map((_, i) =>
      Math.fround(((i * 37) % 101) / 64 - 0.7),
    )
    if (seed) for (let i = 0; i < values.length; i++) values[i]! += draw() / 128
    const isHalf = key === 'wide'
    const bits = new Uint32Array(values.buffer)
    const bytes = isHalf
      ? new Uint8Array(Uint16Array.from(bits, (each) => each >>> 16).buffer)
      : new Uint8Array(values.buffer)
    tensors[`${key}.weight`] = [isHalf ? 'BF16' : 'F32', shape, bytes]
  }
  mkdirSync(at(name))
  writeFileSync(at(`${name}/model.safetensors`), rawFile(tensors))
  writeFileSync(at(`${name}/config.json`), JSON.stringify({ model_type: 'x', seed }))
}

for (const [seed, name] of ['base', 'one', 'two'].entries()) writeModel(name, seed)
const base = at('base')
await compress(base, at('one'), { out: at('one.delta') })
await compress(base, at('two'), { out: at('lossy.delta'), codec: { codec: 'bits', options: { bits: 4, group: 64 } } })
await apply(base, at('lossy.delta'), { out: at('lossy') })

/** The bytes of all tensors of a model. */
function weights(name: string): Buffer {
  const bytes = readFileSync(at(`${name}/model.safetensors`))
  return bytes.subarray(8 + Number(bytes.readBigUInt64LE()))
}
const methods = {
  ties: { merge_method: 'ties', base_model: base, parameters: { density: 0.4, weight: 0.5 } },
  rows: { merge_method: 'ties', base_model: base, parameters: { density: 0.4, weight: 0.5, granularity: 'row' } },
  linear: { merge_method: 'linear', parameters: { weight: 0.5 } },
}
const write = (method: keyof typeof methods, models: readonly string[], out: string, options: object = {}) =>
  merge({ ...methods[method], models: models.map((model) => ({ model })) } as never, { out: at(out), ...options })

test('merges of delta files, exact and with loss, have the bytes of merges of folders, in any number of threads', async () => {
  const deltas = ['one.delta', 'lossy.delta'].map((name) => `${base}+${at(name)}`)
  const tensors = Object.values(SHAPES).map((shape) => ({ shape, models: 2, computed: 2 }))
  const ways = [{ jobs: 1 }, { jobs: 2 }, { jobs: 2, memory: leastStream(tensors) + 2e6 }]
  for (const method of Object.keys(methods) as (keyof typeof methods)[]) {
    await write(method, [at('one'), at('lossy')], `${method}-folders`)
    for (const [i, way] of ways.entries()) {
      await write(method, deltas, `${method}-${i}`, way)
      const [made, wanted] = [weights(`${method}-${i}`), weights(`${method}-folders`)]
      assert.ok(made.equals(wanted), `${method} ${JSON.stringify(way)}`)
    }
  }
})

test('a thread that cannot make a piece says what is wrong with it', async () => {
  const { units, pieces } = await openDelta(at('one.delta'))
  const bytes = readFileSync(at('one.delta'))
  const { begin } = pieces[units.findIndex(({ name }) => name === 'flat.weight')]![2]!
  bytes[begin + 900]! ^= 1
  writeFileSync(at('bad.delta'), bytes)
  for (const jobs of [1, 2]) {
    await assert.rejects(
      write('linear', [base, `${base}+${at('bad.delta')}`], 'refused', { jobs }),
      /bad\.delta: is damaged in tensor "flat\.weight"$/,
    )
    await assert.rejects(
      write('ties', [`${at('two')}+${at('one.delta')}`], 'refused', { jobs }),
      /two: is not the base of .*one\.delta: its (config\.json|bytes differ in tensor ")/,
    )
  }
})
