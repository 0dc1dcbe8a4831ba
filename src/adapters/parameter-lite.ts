// The parameter-lite encoder of PALT (Shen et al. 2022, arXiv 2210.13715): what config.json says of it, its tensors under the names of
// the authors' program, and where training starts. Prompt tuning (Lester et al. 2021, arXiv 2104.08691) is its trained tokens alone.
import { z } from 'zod'
import { seedTorch } from '../twister/index.js'

const count = z.int().min(0).max(512)

export const liteSchema = z
  .strictObject({
    prompt: z
      .tuple([count, count, count])
      .default([0, 0, 0])
      .describe('trained tokens after [CLS], at the end of the first text, and at the end of the second'),
    prompt_inner: z
      .int()
      .min(1)
      .max(2 ** 16)
      .nullable()
      .default(null)
      .describe(
        'width of the trained vectors before the two layers that make tokens of them; null: they are the tokens',
      ),
    embedding: z
      .boolean()
      .default(false)
      .describe('knowledge prompt encoder: a linear layer on the embeddings of all tokens'),
    layers: z
      .array(z.int().min(0))
      .default([])
      .describe(
        'knowledge calibration encoder: layers of the encoder, from 0, with a linear layer after their attention',
      ),
    seed: z
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(0)
      .describe('seed of the start of the trained tokens'),
  })
  .refine(
    ({ prompt, embedding, layers }) => prompt.some((n) => n > 0) || embedding || layers.length > 0,
    'give trained tokens (`prompt`), `embedding: true` or `layers`: without them nothing is trained',
  )
  .refine(({ layers }) => new Set(layers).size === layers.length, { error: 'names a layer twice', path: ['layers'] })

/** The parts of a parameter-lite encoder. */
export type ParameterLite = z.infer<typeof liteSchema>

/** Names of its modules, with `.weight` and `.bias` below them; of a layer below the layer's own name. */
export const LITE_NAMES = {
  tokens: 'prompt_encoder.embedding',
  inner: 'prompt_encoder.mlp_head.0',
  outer: 'prompt_encoder.mlp_head.2',
  embedding: 'word_embedding.0',
  layer: 'additional_layer.0',
} as const

export const liteTokens = ({ prompt }: ParameterLite): number => prompt.reduce((sum, each) => sum + each, 0)

/**
 * Shape of each tensor. @param width of the hidden states @param layerName the name of the encoder's layer `i`
 */
export function liteShapes(
  lite: ParameterLite,
  width: number,
  layerName: (i: number) => string,
): Record<string, number[]> {
  const { prompt_inner: inner, embedding, layers } = lite
  const tokens = liteTokens(lite)
  const linear = (name: string, inputs: number): [string, number[]][] => [
    [`${name}.weight`, [width, inputs]],
    [`${name}.bias`, [width]],
  ]
  return Object.fromEntries([
    ...(tokens ? [[`${LITE_NAMES.tokens}.weight`, [tokens, inner ?? width]] as [string, number[]]] : []),
    ...(tokens && inner !== null ? [...linear(LITE_NAMES.inner, inner), ...linear(LITE_NAMES.outer, width)] : []),
    ...(embedding ? linear(LITE_NAMES.embedding, width) : []),
    ...layers.flatMap((i) => linear(`${layerName(i)}.${LITE_NAMES.layer}`, width)),
  ])
}

const INNER =
  /^(prompt_encoder\.(embedding|mlp_head\.[02])|word_embedding\.0|(.+\.)?additional_layer\.0)\.(weight|bias)$/

/** Whether a tensor belongs to a parameter-lite encoder. */
export const isLite = (name: string): boolean => INNER.test(name)

/** The tensors of the trained tokens, in the order in which they are drawn. */
const DRAWN = [
  `${LITE_NAMES.tokens}.weight`,
  ...[LITE_NAMES.inner, LITE_NAMES.outer].flatMap((module) => [`${module}.weight`, `${module}.bias`]),
]

/**
 * Values before training, by name: the linear layers are 0, so that without trained tokens the model is the base's; the tokens are drawn
 * as PyTorch does after manual_seed(seed): N(0, 1), and for the two layers behind them U(−1/√inputs, 1/√inputs).
 */
export function liteStart(
  { seed }: Pick<ParameterLite, 'seed'>,
  shapes: ReadonlyMap<string, readonly number[]>,
): Map<string, Float32Array> {
  const generator = seedTorch(seed)
  const sizeOf = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1)
  const start = new Map<string, Float32Array>()
  let bound = 0
  for (const name of DRAWN) {
    const shape = shapes.get(name)
    if (!shape) continue
    if (shape.length === 2) bound = 1 / Math.sqrt(shape[1]!)
    const entries = sizeOf(shape)
    start.set(name, name === DRAWN[0] ? generator.normal(entries, 1) : generator.uniform(entries, -bound, bound))
  }
  for (const [name, shape] of shapes) if (!start.has(name)) start.set(name, new Float32Array(sizeOf(shape)))
  return start
}
