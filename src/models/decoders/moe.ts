// Mixtures of experts: Mixtral, which is Mistral with experts, and those of Qwen 2 (with an expert of all tokens) and Qwen 3.
import { z } from 'zod'
import { UserError } from '../../errors/index.js'
import { activationOf } from '../activations.js'
import { type Config, classOf, countOf, epsilonOf, fewOf, isGiven, isSet, KIND, read } from '../config.js'
import { decoder } from '../decoder.js'
import { layerTypes, readBias, readMlp, readSizes, sameLayers, usualLayer, windowOf } from '../decoder-config.js'
import {
  type Attention,
  type Experts,
  HEAD_NORMS,
  type Layer,
  type LayerPart,
  type LayerType,
  type Page,
} from '../decoder-page.js'
import { gated, rms } from '../decoder-parts.js'
import { readRope } from '../rope-settings.js'

/** What all three read of their experts. */
function readExperts(
  config: Config,
  own: Pick<Experts, 'count' | 'inner' | 'shared' | 'module'>,
  normalised: boolean,
): Experts {
  const top = fewOf(config, 'num_experts_per_tok')
  if (top > own.count)
    throw new UserError(
      `config.json: num_experts_per_tok ${top} is more than the ${own.count} experts that a layer has`,
    )
  return {
    ...own,
    routing: { top, normalised },
    width: countOf(config, 'hidden_size'),
    activation: activationOf(config, 'hidden_act', 'silu'),
  }
}

/**
 * transformers adds router_aux_loss_coef times the imbalance of a whole batch to the loss of its answers: a number that no item has,
 * and that another batch size changes.
 */
function checkLoss(config: Config): void {
  if (!isSet(config, 'output_router_logits', false) || !classOf(config)?.endsWith('ForCausalLM')) return
  const share = read(config, 'router_aux_loss_coef', KIND.number, 0.001)
  if (share === 0) return
  throw new UserError(
    `config.json: output_router_logits true is not supported: transformers then adds ${share} (router_aux_loss_coef) times the imbalance of the experts in a batch to the loss; known: false, the loss of the tokens alone`,
  )
}

/** transformers 5 writes the number of experts under Mixtral's key for Qwen3-MoE too, and reads either. */
function countExperts(config: Config, usual: number): number {
  const [one, other] = ['num_local_experts', 'num_experts'].map((key) => read(config, key, KIND.index.optional()))
  if (one !== undefined && other !== undefined && one !== other)
    throw new UserError(
      `config.json: num_local_experts ${one} and num_experts ${other} differ, and name the same number`,
    )
  return one ?? other ?? usual
}

/** The kind of all layers, where transformers asks sliding_window alone. @throws UserError for layer_types that say otherwise */
function sameType(config: Config, windowed: boolean): LayerType {
  const type: LayerType = windowed ? 'sliding_attention' : 'full_attention'
  const other = layerTypes(config, () => type).find((each) => each !== type)
  if (other)
    throw new UserError(
      `config.json: layer_types says ${other}, and transformers gives every layer of this model ${type}; leave the key out`,
    )
  return type
}

/** A page whose layers have experts where `sparse` says so, and else an MLP. */
function pageOf(
  config: Config,
  {
    attention,
    types,
    mlp,
  }: { attention?: Partial<Attention>; types: LayerType[]; mlp: (index: number) => Layer['mlp'] },
): Page {
  const sizes = readSizes(config)
  const rope = readRope(config, sizes)
  checkLoss(config)
  return {
    ...sizes,
    norm: rms(epsilonOf(config, 'rms_norm_eps', 1e-6)),
    layers: types.map((type, index) => usualLayer({ ...attention, rope, window: windowOf(config, type) }, mlp(index))),
  }
}

const NORMS = { in: 'post_attention_layernorm' }

/** Experts in every `decoder_sparse_step`-th layer but those of `mlp_only_layers`. */
function qwenMlps(config: Config, count: number, shared: LayerPart | null = null): (index: number) => Layer['mlp'] {
  const step = fewOf(config, 'decoder_sparse_step', 1)
  const dense = read(config, 'mlp_only_layers', z.array(z.number().int()), [])
  const sparse = (index: number) => count > 0 && (index + 1) % step === 0 && !dense.includes(index)
  const normalised = isSet(config, 'norm_topk_prob', false)
  return (index) =>
    sparse(index)
      ? {
          norms: NORMS,
          experts: readExperts(
            config,
            { count, inner: countOf(config, 'moe_intermediate_size'), shared, module: 'mlp' },
            normalised,
          ),
        }
      : { norms: NORMS, part: gated(readMlp(config)) }
}

export const mixtral = decoder({
  name: 'mixtral',
  classes: { start: 'Mixtral' },
  cite: 'Jiang et al. 2024 (arXiv 2401.04088)',
  defaults: {
    max_position_embeddings: 131072,
    num_key_value_heads: 8,
    num_experts_per_tok: 2,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
  },
  page(config) {
    const own = {
      count: countExperts(config, 8),
      inner: countOf(config, 'intermediate_size'),
      shared: null,
      module: 'block_sparse_moe' as const,
    }
    const experts = readExperts(config, own, true)
    const type = sameType(config, isGiven(config, 'sliding_window'))
    return pageOf(config, { types: sameLayers(config, type), mlp: () => ({ norms: NORMS, experts }) })
  },
})

const QWEN = { max_position_embeddings: 32768, sliding_window: 4096 }

export const qwen2Moe = decoder({
  name: 'qwen2_moe',
  classes: { start: 'Qwen2Moe' },
  cite: 'Qwen Team 2024 (Qwen1.5-MoE); Yang et al. 2024 (arXiv 2407.10671)',
  defaults: {
    ...QWEN,
    num_key_value_heads: 16,
    max_window_layers: 28,
    intermediate_size: 5632,
    moe_intermediate_size: 1408,
    shared_expert_intermediate_size: 5632,
    num_experts_per_tok: 4,
    num_experts: 60,
  },
  page(config) {
    const windowed = isSet(config, 'use_sliding_window', false)
    const end = () => read(config, 'max_window_layers', KIND.index)
    // As in transformers 5: every second layer from the first on, below max_window_layers.
    const usual = (index: number) =>
      windowed && index % 2 === 0 && index < end() ? 'sliding_attention' : 'full_attention'
    const types = layerTypes(config, usual)
    if (!windowed && types.includes('sliding_attention'))
      throw new UserError(
        'config.json: layer_types says sliding_attention, and use_sliding_window false leaves it no window',
      )
    const bias = isSet(config, 'qkv_bias', true)
    const inner = countOf(config, 'shared_expert_intermediate_size')
    return pageOf(config, {
      attention: { bias: { in: bias, out: false } },
      types,
      mlp: qwenMlps(
        config,
        read(config, 'num_experts', KIND.index),
        gated({ ...readMlp(config), inner }, 'shared_expert.'),
      ),
    })
  },
})

export const qwen3Moe = decoder({
  name: 'qwen3_moe',
  classes: { start: 'Qwen3Moe' },
  cite: 'Yang et al. 2025 (arXiv 2505.09388)',
  defaults: {
    ...QWEN,
    num_key_value_heads: 4,
    intermediate_size: 6144,
    moe_intermediate_size: 768,
    num_experts_per_tok: 8,
  },
  page(config) {
    const windowed = isGiven(config, 'sliding_window') && isSet(config, 'use_sliding_window', false)
    return pageOf(config, {
      attention: { bias: readBias(config), headNorms: { ...HEAD_NORMS, over: 'head' } },
      types: sameLayers(config, sameType(config, windowed)),
      mlp: qwenMlps(config, countExperts(config, 128)),
    })
  },
})
