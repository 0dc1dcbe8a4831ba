// Reads a model fixture: base and post weights with reference results of PyTorch in float64.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { readHeader } from '../../src/checkpoint/index.js'
import { loadModel, type Model, type Weights } from '../../src/models/index.js'
import { setBackend, tf, type BackendName, type Batch } from '../../src/tensor/index.js'

export const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/models/', import.meta.url))

export interface Edit {
  delta_loss: number
  riemann: Record<string, number>
  taylor: { first_order: number; T_HT: number; second_order: number }
  per_tensor: Record<string, Record<string, number>>
}

export interface Expected {
  trainable: string[]
  linear: string[]
  cases: Record<string, { inputs: Record<string, number[][]>; base: { loss: number }; post: { loss: number } }>
  gradient: { norm: number }
  edits: Record<string, Edit>
  generation: { prompt: number[]; base: { ids: number[] }; post: { ids: number[] } }[]
  post_bf16: { loss: number }
}

export interface Fixture {
  model: Model
  base: Weights
  post: Weights
  values: { base: Map<string, Float32Array>; post: Map<string, Float32Array> }
  expected: Expected
  /** A tensor of expected.safetensors. */
  reference(name: string): Float32Array
}

async function readAll(folder: string) {
  const checkpoint = await openCheckpoint(folder)
  const values = new Map<string, Float32Array>()
  for (const name of checkpoint.tensors.keys()) values.set(name, await checkpoint.read(name))
  await checkpoint.close()
  return { checkpoint, values }
}

export async function openFixture(name: string, backend: BackendName = 'wasm'): Promise<Fixture> {
  await setBackend(backend)
  const base = await readAll(`${FIXTURES}${name}/base`)
  const post = await readAll(`${FIXTURES}${name}/post`)
  const shapes = Object.fromEntries([...post.checkpoint.tensors].map(([key, { shape }]) => [key, shape]))
  const tensors = (values: Map<string, Float32Array>) =>
    Object.fromEntries([...values].map(([key, each]) => [key, tf.tensor(each, shapes[key] as number[])]))
  const file = `${FIXTURES}${name}/expected.safetensors`
  const { entries } = await readHeader(file)
  const bytes = readFileSync(file)
  return {
    model: loadModel(post.checkpoint.config!, shapes),
    base: tensors(base.values),
    post: tensors(post.values),
    values: { base: base.values, post: post.values },
    expected: JSON.parse(readFileSync(`${FIXTURES}${name}/expected.json`, 'utf8')) as Expected,
    reference(key) {
      const { begin, end } = entries.find((entry) => entry.name === key)!
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + end))
    },
  }
}

/** A case's inputs as a batch; without a mask all tokens are real, without positions they count from 0. */
export function caseBatch({ inputs }: Expected['cases'][string]): Batch {
  const rows = inputs.input_ids.length
  const columns = inputs.input_ids[0].length
  const flat = (values: number[][] | undefined, fallback: (i: number) => number) =>
    Int32Array.from(values?.flat() ?? Array.from({ length: rows * columns }, (_, i) => fallback(i)))
  return {
    rows,
    columns,
    ids: flat(inputs.input_ids, () => 0),
    mask: flat(inputs.attention_mask, () => 1),
    positions: flat(inputs.position_ids, (i) => i % columns),
    labels: flat(inputs.labels, () => -100),
    items: Int32Array.from({ length: rows }, (_, i) => i),
  }
}

/** Largest |a − b| over the largest |b| (at least `floor`). */
export function worst(a: ArrayLike<number>, b: ArrayLike<number>, floor = 0): number {
  let scale = floor
  let error = 0
  for (let i = 0; i < b.length; i++) {
    scale = Math.max(scale, Math.abs(b[i]))
    error = Math.max(error, Math.abs(a[i] - b[i]))
  }
  return error / scale
}
