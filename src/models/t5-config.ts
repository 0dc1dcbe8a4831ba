// What a config.json says of a T5: in the words of transformers 4 and 5, with what its classes take for keys that are left out.
import { UserError } from '../errors/index.js'
import type { Tensor } from '../tensor/index.js'
import { activationOf } from './activations.js'
import type { Buckets } from './buckets.js'
import { type Config, checkUsual, countOf, epsilonOf, fewOf, isSet, KIND, read } from './config.js'
import type { HeadSizes } from './layers.js'

export type Kind = 't5' | 'mt5' | 'umt5'
export type Side = 'encoder' | 'decoder'

const NEWER: Config = {
  vocab_size: 250112,
  d_ff: 1024,
  num_layers: 8,
  num_heads: 6,
  feed_forward_proj: 'gated-gelu',
  decoder_start_token_id: 0,
}

/** What transformers' classes take for keys that a config.json leaves out. */
const DEFAULTS: Record<Kind, Config> = {
  t5: { vocab_size: 32128, d_ff: 2048, num_layers: 6, num_heads: 8, feed_forward_proj: 'relu' },
  mt5: { ...NEWER, tie_word_embeddings: false },
  umt5: NEWER,
}

/** Other names that transformers reads these keys by; they go first. */
const ALIASES = {
  hidden_size: 'd_model',
  num_attention_heads: 'num_heads',
  num_hidden_layers: 'num_layers',
  head_dim: 'd_kv',
}

/** Positions are relative, so that no config bounds them; where it says no length, that of lm-evaluation-harness. */
export const POSITIONS = 2048

export interface T5 extends HeadSizes {
  kind: Kind
  width: number
  inner: number
  epsilon: number
  activation: (x: Tensor) => Tensor
  /** The MLP has a gate (`wi_0`) beside its opening (`wi_1`). */
  gated: boolean
  layers: Record<Side, number>
  buckets: Record<Side, Buckets>
}

/** `feed_forward_proj` is an activation, with `gated-` in front of it or not; `dense_act_fn` and `is_gated_act` go before it. */
function readProjection(config: Config): Pick<T5, 'activation' | 'gated'> {
  const word = read(config, 'feed_forward_proj', KIND.word)
  const parts = word.split('-')
  if (parts.length > 2 || (parts.length === 2 && parts[0] !== 'gated'))
    throw new UserError(
      `config.json: feed_forward_proj ${JSON.stringify(word)} must be an activation, or "gated-" and an activation`,
    )
  const act = word === 'gated-gelu' ? 'gelu_new' : parts.at(-1)!
  return {
    activation: activationOf(config, 'dense_act_fn', act),
    gated: isSet(config, 'is_gated_act', parts[0] === 'gated'),
  }
}

function readBuckets(config: Config): Record<Side, Buckets> {
  const count = fewOf(config, 'relative_attention_num_buckets', 32)
  const furthest = countOf(config, 'relative_attention_max_distance', 128)
  if (count < 4)
    throw new UserError(
      `config.json: relative_attention_num_buckets ${count} leaves no bucket to a side; 4 is the least`,
    )
  if (furthest <= Math.floor(count / 2))
    throw new UserError(
      `config.json: relative_attention_max_distance ${furthest} must be more than half of relative_attention_num_buckets ${count}`,
    )
  return { encoder: { count, furthest, both: true }, decoder: { count, furthest, both: false } }
}

export function readConfig(kind: Kind, written: Config): { config: Config; c: T5 } {
  const given = { ...DEFAULTS[kind], ...written }
  const aliased = Object.entries(ALIASES).filter(([alias]) => (written[alias] ?? null) !== null)
  const config = { ...given, ...Object.fromEntries(aliased.map(([alias, key]) => [key, written[alias]])) }
  checkUsual(config, kind, { tie_encoder_decoder: false })
  const heads = fewOf(config, 'num_heads')
  return {
    config,
    c: {
      kind,
      width: countOf(config, 'd_model', 512),
      inner: countOf(config, 'd_ff'),
      heads,
      kvHeads: heads,
      headDim: fewOf(config, 'd_kv', 64),
      scale: 1,
      epsilon: epsilonOf(config, 'layer_norm_epsilon', 1e-6),
      ...readProjection(config),
      layers: {
        encoder: fewOf(config, 'num_layers'),
        decoder: fewOf(config, 'num_decoder_layers', fewOf(given, 'num_layers')),
      },
      buckets: readBuckets(config),
    },
  }
}

/** @throws UserError for a token that starts no answer */
export function startToken(config: Config, vocabulary: number): number {
  const start = read(config, 'decoder_start_token_id', KIND.index.optional())
  if (start === undefined)
    throw new UserError(
      'config.json: decoder_start_token_id is missing, so that an answer has no beginning; of T5 it is 0, the padding token',
    )
  if (start >= vocabulary)
    throw new UserError(`config.json: decoder_start_token_id ${start} is not below vocab_size ${vocabulary}`)
  return start
}
