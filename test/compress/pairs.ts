// A base and a fine-tune with tensors of every kind that codecs store, and how each tensor is stored.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { CodecChoice } from '../../src/compress/index.js'
import { encodeValues } from '../../src/kernels/index.js'
import { type Raw, rawFile } from '../delta/pairs.js'
import { write } from '../layouts/write.js'

/** Codecs with options, and the editor whose result must come out; null where that is the delta, rounded. */
export const CODECS: readonly (CodecChoice & { edit: { editor: string; [option: string]: unknown } | null })[] = [
  { codec: 'dense', options: { values: 'bf16' }, edit: null },
  { codec: 'dense', options: { values: 'f16', editor: 'expo', alpha: -0.25 }, edit: null },
  { codec: 'dense', options: { values: 'f32', editor: 'expo', alpha: -0.25 }, edit: { editor: 'expo', alpha: -0.25 } },
  { codec: 'bitmask', options: { drop_rate: 0.7 }, edit: { editor: 'magnitude', drop_rate: 0.7 } },
  {
    codec: 'bitmask',
    options: { values: 'f32', editor: 'dare', drop_rate: 0.5 },
    edit: { editor: 'dare', drop_rate: 0.5 },
  },
  { codec: 'bitmask', options: { values: 'bf16', drop_rate: 0.5 }, edit: null },
  {
    codec: 'index',
    options: { drop_rate: 0.9, granularity: 'model' },
    edit: { editor: 'magnitude', drop_rate: 0.9, granularity: 'model' },
  },
  {
    codec: 'index',
    options: { values: 'f16', editor: 'breadcrumbs', drop_rate: 0.8 },
    edit: null,
  },
  { codec: 'sign', options: { multiplier: 0.75 }, edit: { editor: 'bitdelta', multiplier: 0.75 } },
  { codec: 'bits', options: { bits: 3, group: 8 }, edit: { editor: 'quantise', bits: 3, group: 8 } },
  { codec: 'bits', options: { bits: 11, group: 0, values: 'f16' }, edit: null },
  { codec: 'low_rank', options: { rank: 3 }, edit: { editor: 'lowrank', rank: 3 } },
  { codec: 'low_rank', options: { fraction: 0.25, values: 'bf16' }, edit: null },
  {
    codec: 'bands',
    options: { bands: '8x2+3x3+16x1', group: 8 },
    edit: { editor: 'delta_come', bands: '8x2+3x3+16x1', group: 8 },
  },
  { codec: 'bands', options: { bands: '4x3+2x9', group: 0, values: 'f16' }, edit: null },
  // Rank 0 of the small matrices.
  { codec: 'low_rank', options: { fraction: 0.05 }, edit: { editor: 'lowrank', fraction: 0.05 } },
  { codec: 'drawn', options: { drop_rate: 0.7 }, edit: { editor: 'dare', drop_rate: 0.7 } },
  {
    codec: 'drawn',
    options: { values: 'f32', drop_rate: 0.5, rescale: false },
    edit: { editor: 'dare', drop_rate: 0.5, rescale: false },
  },
  {
    codec: 'drawn',
    options: { drop_rate: 0.9, convention: 'mergekit' },
    edit: { editor: 'dare', drop_rate: 0.9, convention: 'mergekit' },
  },
]

const SHAPES: Record<string, number[]> = {
  'layers.0.mlp.up_proj.weight': [14, 20],
  'layers.0.norm.weight': [37],
  'layers.0.mlp.experts.gate_up_proj': [3, 10, 12],
}
export const FORMATS = ['F32', 'BF16', 'F16'] as const

/** Numbers of a normal distribution, about. */
function draws(seed: number): () => number {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  return () => next() + next() + next() + next() - 2
}

/** Names of the tensors by format. */
export const namesOf = (dtype: string): string[] => Object.keys(SHAPES).map((name) => `model.${dtype}.${name}`)

/** Writes `base` and `post`: each kind of tensor in each format, one of int64, one that did not move, and one that the base lacks. */
export function writeCodecPair(folder: string, { large = false } = {}): { base: string; post: string } {
  const draw = draws(7)
  const [before, after]: [Raw, Raw] = [{}, {}]
  for (const dtype of FORMATS) {
    const shapes = large ? { ...SHAPES, 'layers.1.mlp.up_proj.weight': [1300, 900] } : SHAPES
    for (const [kind, shape] of Object.entries(shapes)) {
      const size = shape.reduce((product, side) => product * side, 1)
      const values = Float32Array.from({ length: size }, () => 0.05 * draw())
      // Some entries do not move, and some are zeros of either sign.
      const moved = values.map((value, i) => (i % 5 ? value + 0.004 * draw() * (i % 3) : value))
      values.fill(-0, 1, 3)
      moved.fill(0, 2, 4)
      before[`model.${dtype}.${kind}`] = [dtype, shape, encodeValues(values, dtype)]
      after[`model.${dtype}.${kind}`] = [dtype, shape, encodeValues(moved, dtype)]
    }
  }
  const still = encodeValues(Float32Array.from({ length: 30 }, draw), 'BF16')
  const numbers = new Uint8Array(BigInt64Array.from({ length: 9 }, (_, i) => BigInt(i)).buffer)
  before['model.still.weight'] = after['model.still.weight'] = ['BF16', [5, 6], still]
  before['model.count'] = after['model.count'] = ['I64', [9], numbers]
  after['score.weight'] = ['BF16', [2, 3], encodeValues(Float32Array.from({ length: 6 }, draw), 'BF16')]
  const [base, post] = [join(folder, 'base'), join(folder, 'post')]
  for (const path of [base, post]) mkdirSync(path, { recursive: true })
  write(base, { 'model.safetensors': rawFile(before), 'config.json': '{"model_type": "test"}' })
  write(post, { 'model.safetensors': rawFile(after), 'config.json': '{"model_type": "test"}' })
  return { base, post }
}

/** The tensors of a pair, one after the other by one of the codecs that take it. */
export function allCodecs(): Map<string, CodecChoice> {
  const choices = new Map<string, CodecChoice>()
  const matrices = FORMATS.flatMap(namesOf).filter((name) => !name.includes('norm'))
  const vectors = FORMATS.flatMap(namesOf).filter((name) => name.includes('norm'))
  const pick = (names: readonly string[], numbers: readonly number[]): void => {
    for (const [i, name] of names.entries()) choices.set(name, plain(CODECS[numbers[i]!]!))
  }
  pick(matrices, [8, 9, 11, 13, 16, 14])
  pick(vectors, [0, 4, 7])
  choices.set('model.still.weight', { codec: 'raw' })
  return choices
}

const plain = ({ codec, options }: CodecChoice): CodecChoice => ({ codec, ...(options && { options }) })
