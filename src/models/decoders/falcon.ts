// Falcon (Almazrouei et al. 2023): the 7b with one key head and both halves behind one norm, the 40b with more key heads and a norm for
// each half, and falcon-rw with ALiBi, biases and one half after the other.
import { UserError } from '../../errors/index.js'
import { activationOf } from '../activations.js'
import { alibi } from '../alibi.js'
import { type Config, countOf, epsilonOf, fewOf, headDimOf, isGiven, isSet, KIND, read } from '../config.js'
import { decoder } from '../decoder.js'
import { readBias, sameLayers } from '../decoder-config.js'
import type { Attention, Layer, LayerPart, Page } from '../decoder-page.js'
import { centred, ungated } from '../decoder-parts.js'
import { readRope } from '../rope-settings.js'

/** Keys of the first files, which ran on code of their own; transformers' class takes its defaults beside them. */
const FIRST = { n_layer: 'num_hidden_layers', n_head: 'num_attention_heads', n_head_kv: 'num_kv_heads' }

function checkFirst(config: Config): void {
  for (const [key, known] of Object.entries(FIRST)) {
    if (isGiven(config, key))
      throw new UserError(`config.json: ${key} is a key of Falcon's first code, not of transformers; known: ${known}`)
  }
}

const contradiction = (key: string, value: unknown, why: string) =>
  new UserError(`config.json: ${key} ${JSON.stringify(value)} is not supported by falcon${why}`)

interface Kind {
  /** new_decoder_architecture: both halves read the layer's input, and there are several key heads. */
  parallel: boolean
  /** Norms before the two halves. */
  norms: [string, string]
  kvHeads: number
  order: 'blocks' | 'groups'
}

/**
 * With new_decoder_architecture both halves read the layer's input, and there are several key heads.
 * @throws UserError for switches of which transformers' class makes no model
 */
function kindOf(config: Config, heads: number): Kind {
  const modern = isSet(config, 'new_decoder_architecture', false)
  const parallel = isSet(config, 'parallel_attn', true)
  const norms = read(config, 'num_ln_in_parallel_attn', KIND.index, modern ? 2 : 1)
  const given = fewOf(config, 'num_kv_heads', heads)
  if (modern && !parallel) throw contradiction('parallel_attn', false, ' with new_decoder_architecture')
  if (parallel && (modern ? norms !== 1 && norms !== 2 : norms === 2))
    throw contradiction(
      'num_ln_in_parallel_attn',
      norms,
      modern ? '; known: 1, 2' : ' without new_decoder_architecture',
    )
  const single = !modern && isSet(config, 'multi_query', true)
  if (!single && (modern ? heads % given : given !== heads))
    throw contradiction('num_kv_heads', given, ` with ${heads} attention heads`)
  return {
    parallel,
    norms: !parallel
      ? ['input_layernorm', 'post_attention_layernorm']
      : modern && norms === 2
        ? ['ln_attn', 'ln_mlp']
        : ['input_layernorm', 'input_layernorm'],
    kvHeads: single ? 1 : given,
    order: single ? 'blocks' : 'groups',
  }
}

function layerOf(config: Config, kind: Kind, mlp: LayerPart, rope: Attention['rope']): Layer {
  return {
    attention: {
      norms: { in: kind.norms[0] },
      projections: { fused: 'self_attention.query_key_value', order: kind.order },
      out: 'self_attention.dense',
      bias: readBias(config, 'bias'),
      rope,
      window: Infinity,
    },
    mlp: { norms: { in: kind.norms[1] }, part: mlp },
    parallel: kind.parallel,
  }
}

function pageOf(config: Config): Page {
  checkFirst(config)
  const [width, heads] = [
    countOf(config, 'n_embed', countOf(config, 'hidden_size')),
    fewOf(config, 'num_attention_heads'),
  ]
  const headDim = headDimOf(width, heads)
  const positions = countOf(config, 'max_position_embeddings')
  const kind = kindOf(config, heads)
  const mlp = {
    width,
    inner: countOf(config, 'ffn_hidden_size', 4 * width),
    activation: activationOf(config, 'activation', 'gelu'),
    bias: isSet(config, 'bias', false),
  }
  const part = ungated(mlp, { open: 'mlp.dense_h_to_4h', close: 'mlp.dense_4h_to_h' })
  const slopes = isSet(config, 'alibi', false)
  const rope = slopes ? null : readRope(config, { headDim, positions })
  return {
    vocabulary: countOf(config, 'vocab_size'),
    positions,
    width,
    heads,
    kvHeads: kind.kvHeads,
    headDim,
    names: {
      word: 'transformer.word_embeddings.weight',
      layers: 'transformer.h.',
      norm: 'transformer.ln_f',
      logits: 'lm_head.weight',
    },
    tied: isSet(config, 'tie_word_embeddings', true),
    norm: centred(epsilonOf(config, 'layer_norm_epsilon', 1e-5)),
    layers: sameLayers(config, layerOf(config, kind, part, rope)),
    ...(slopes && { bias: alibi(heads, headDim ** -0.5) }),
  }
}

export const falcon = decoder({
  name: 'falcon',
  classes: { start: 'Falcon' },
  cite: 'Almazrouei et al. 2023 (arXiv 2311.16867)',
  defaults: {
    vocab_size: 65024,
    hidden_size: 4544,
    num_hidden_layers: 32,
    num_attention_heads: 71,
    max_position_embeddings: 2048,
  },
  usual: { apply_residual_connection_post_layernorm: false },
  page: pageOf,
})
