// Reads a model fixture: base and post weights with reference results of PyTorch in float64, and what its README says of them.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openCheckpoint, readHeader } from '../../src/checkpoint/index.js'
import { type Batch, imageBatch, loadModel, type Model, type Weights } from '../../src/models/index.js'
import { type BackendName, setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'

export const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/models/', import.meta.url))

/** Fixtures that generate text as one sequence. */
export const DECODERS = [
  'llama3',
  'qwen2',
  'mistral',
  'mixtral',
  'qwen2_moe',
  'qwen3_moe',
  'gpt2',
  'gpt_neox',
  'opt',
  'opt-350m',
  'falcon',
  'falcon-40b',
  'falcon-rw',
  'gemma2',
  'gemma3',
  'phi3',
  'olmo2',
  'smollm3',
  'granite',
] as const
/** Every fixture. */
export const NAMES = [
  ...DECODERS,
  'bert',
  'bert-mlm',
  'roberta',
  'roberta-regression',
  'distilbert',
  'electra',
  'electra-replaced',
  'deberta-v3',
  'deberta-v2',
  'modernbert',
  'modernbert-classes',
  'vit',
  'clip',
  'siglip',
  'siglip-zero-shot',
  't5',
  't5-gated',
  'umt5',
] as const

export interface Edit {
  delta_loss: number
  riemann: Record<string, number>
  taylor: { first_order: number; T_HT: number; second_order: number }
  per_tensor: Record<string, Record<string, number>>
}

interface Scored {
  logprob: number
  token_logprobs: number[]
  greedy: boolean
}

interface Case {
  inputs: Record<string, number[][]> & { labels: number[] | number[][] }
  base: { loss: number }
  post: { loss: number }
}

export interface Expected {
  class: string
  trainable: string[]
  linear: string[]
  cases: Record<string, Case>
  gradient: { norm: number; per_tensor_norm: Record<string, number> }
  edits: Record<string, Edit>
  generation: { prompt: number[]; base: { ids: number[] }; post: { ids: number[] } }[]
  loglikelihood: { prompt: number[]; candidates: { ids: number[]; base: Scored; post: Scored }[] }[]
}

export interface Fixture {
  name: string
  model: Model
  config: Record<string, unknown>
  shapes: Record<string, number[]>
  base: Weights
  post: Weights
  values: { base: Map<string, Float32Array>; post: Map<string, Float32Array> }
  expected: Expected
  /** A tensor of expected.safetensors, and its shape. */
  reference(name: string): Float32Array
  has(name: string): boolean
  batch(name: string): Batch
}

async function readAll(folder: string) {
  const checkpoint = await openCheckpoint(folder)
  const values = new Map<string, Float32Array>()
  for (const name of checkpoint.tensors.keys()) values.set(name, await checkpoint.read(name))
  await checkpoint.close()
  return { checkpoint, values }
}

export async function openFixture(name: string, backend: BackendName = BACKEND): Promise<Fixture> {
  await setBackend(backend)
  const base = await readAll(`${FIXTURES}${name}/base`)
  const post = await readAll(`${FIXTURES}${name}/post`)
  const shapes = Object.fromEntries([...post.checkpoint.tensors].map(([key, { shape }]) => [key, [...shape]]))
  const tensors = (values: Map<string, Float32Array>) =>
    Object.fromEntries([...values].map(([key, each]) => [key, tf.tensor(each, shapes[key])]))
  const file = `${FIXTURES}${name}/expected.safetensors`
  const { entries } = await readHeader(file)
  const bytes = readFileSync(file)
  const expected = JSON.parse(readFileSync(`${FIXTURES}${name}/expected.json`, 'utf8')) as Expected
  const reference = (key: string) => {
    const { begin, end } = entries.find((entry) => entry.name === key)!
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + end))
  }
  const config = post.checkpoint.config!
  const names = new Set(entries.map((entry) => entry.name))
  return {
    name,
    model: loadModel(config, shapes),
    config,
    shapes,
    base: tensors(base.values),
    post: tensors(post.values),
    values: { base: base.values, post: post.values },
    expected,
    reference,
    has: (key) => names.has(key),
    batch(key) {
      const { inputs } = expected.cases[key]!
      if (!('pixel_values' in inputs)) return textBatch(inputs)
      const classes = ['fixed_text_features', `cases.${key}.post.fixed_text_features`].find((each) => names.has(each))
      return imageBatch(reference(`cases.${key}.pixel_values`), inputs.labels as number[], {
        ...(classes && { classes: reference(classes) }),
      })
    },
  }
}

/** Inputs as a batch; without a mask all tokens are real, without positions they count from 0. */
export function textBatch(inputs: Record<string, number[][]> & { labels?: number[] | number[][] }): Batch {
  const ids = inputs.input_ids ?? inputs.text_input_ids
  const rows = ids!.length
  const columns = ids![0]!.length
  const flat = (values: number[][] | undefined, fallback: (i: number) => number) =>
    Int32Array.from(values?.flat() ?? Array.from({ length: rows * columns }, (_, i) => fallback(i)))
  const labels = inputs.labels ?? []
  const perToken = Array.isArray(labels[0])
  return {
    rows,
    columns,
    ids: flat(ids, () => 0),
    mask: flat(inputs.attention_mask ?? inputs.text_attention_mask, () => 1),
    positions: flat(inputs.position_ids, (i) => i % columns),
    labels: flat(perToken ? (labels as number[][]) : undefined, () => -100),
    items: Int32Array.from({ length: rows }, (_, i) => i),
    ...(inputs.token_type_ids && { types: flat(inputs.token_type_ids, () => 0) }),
    ...(inputs.encoder_input_ids && {
      encoder: {
        columns: inputs.encoder_input_ids[0]!.length,
        ids: Int32Array.from(inputs.encoder_input_ids.flat()),
        mask: Int32Array.from(inputs.encoder_attention_mask!.flat()),
      },
    }),
    ...(!perToken && labels.length && { targets: Float32Array.from(labels as number[]) }),
  }
}

/** Largest |a − b| over the largest |b| (at least `floor`). */
export function worst(a: ArrayLike<number>, b: ArrayLike<number>, floor = 0): number {
  if (a.length !== b.length) return Infinity
  let scale = floor
  let error = 0
  for (let i = 0; i < b.length; i++) {
    scale = Math.max(scale, Math.abs(b[i]!))
    error = Math.max(error, Number.isNaN(a[i]) ? Infinity : Math.abs(a[i]! - b[i]!))
  }
  return error / scale
}
