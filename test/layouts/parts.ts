// What the published folders are put together of.
import type { Shapes } from './layout.js'

export const WIDTH = 32
export const INNER = 64
export const affine = (name: string, ...shape: number[]): Shapes => ({
  [`${name}.weight`]: shape,
  [`${name}.bias`]: [shape[0]!],
})
export const all = (...parts: Shapes[]): Shapes => Object.assign({}, ...parts)
export const twice = (layer: (index: number) => Shapes): Shapes => all(layer(0), layer(1))

/** The content of a file that nothing reads. */
export const EMPTY = ''
export const tinyEncoder = { hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2, num_attention_heads: 4 }
export const labels = (...names: string[]) => ({
  id2label: Object.fromEntries(names.map((name, i) => [i, name])),
  label2id: Object.fromEntries(names.map((name, i) => [name, i])),
})
/** What a trainer leaves beside a model. */
export const trainer = { 'training_args.bin': EMPTY, 'all_results.json': '{}', 'trainer_state.json': '{}' }
export const pooler = (at: string): Shapes => affine(`${at}pooler.dense`, 32, 32)
