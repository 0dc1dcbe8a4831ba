// The order in which a model's class has its modules, for adapters whose numbers are dealt out in it (transformers 5.18).
import type { Checkpoint } from './checkpoint.js'

/** The ends of modules' names in their order: before the layers, in each of them, and behind them. */
type Order = readonly [before: readonly RegExp[], layer: readonly RegExp[], behind: readonly RegExp[]]

const ends = (...names: string[]): RegExp[] =>
  names.map((name) => new RegExp(`(^|\\.)(${name.replaceAll('.', '\\.')})$`))

const DECODER: Order = [
  ends('embed_tokens'),
  ends(
    'q_proj',
    'k_proj',
    'v_proj',
    'o_proj|self_attn.dense',
    'gate_proj',
    'up_proj|gate_up_proj',
    'down_proj',
    'fc1|c_fc',
    'fc2|c_proj',
  ),
  ends('lm_head|score'),
]
const BERT: Order = [
  ends('word_embeddings'),
  ends('query', 'key', 'value', 'attention.output.dense', 'intermediate.dense', 'output.dense'),
  ends('pooler.dense', 'classifier|qa_outputs'),
]
const IMAGES: Order = [
  ends('patch_embeddings.projection'),
  ends('q_proj', 'k_proj', 'v_proj', 'o_proj', 'fc1', 'fc2'),
  ends('pooler.dense', 'classifier'),
]
const PHI3: Order = [
  ends('embed_tokens'),
  ends('o_proj', 'qkv_proj', 'gate_up_proj', 'down_proj'),
  ends('lm_head|score'),
]
const TOWER: Order = [
  ends(
    'embed_tokens|token_embedding|patch_embedding',
    'embed_positions|position_embedding',
    'project_out',
    'project_in',
  ),
  ends('k_proj', 'v_proj', 'q_proj', 'out_proj', 'fc1', 'fc2'),
  ends('visual_projection|text_projection', 'lm_head|classifier'),
]
const GPT2: Order = [
  ends('wte', 'wpe'),
  ends('attn.c_attn', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj'),
  ends('lm_head|score'),
]
const NEOX: Order = [
  ends('embed_in|word_embeddings'),
  ends('query_key_value', 'attention.dense|self_attention.dense', 'dense_h_to_4h', 'dense_4h_to_h'),
  ends('lm_head|embed_out'),
]
const attention = (name: string, ...parts: string[]): string[] => parts.map((part) => `${name}.${part}`)
const T5: Order = [
  ends('shared', 'embed_tokens'),
  ends(
    ...attention('SelfAttention', 'q', 'k', 'v', 'o', 'relative_attention_bias'),
    ...attention('EncDecAttention', 'q', 'k', 'v', 'o'),
    ...['wi', 'wi_0', 'wi_1', 'wo'],
  ),
  ends('lm_head'),
]
const WHISPER: Order = [
  ends('conv1', 'conv2', 'embed_tokens', 'embed_positions'),
  ends(
    ...attention('self_attn', 'k_proj', 'v_proj', 'q_proj', 'out_proj'),
    ...attention('encoder_attn', 'k_proj', 'v_proj', 'q_proj', 'out_proj'),
    ...['fc1', 'fc2'],
  ),
  ends('proj_out'),
]

/** By model_type. */
const ORDERS: [types: RegExp, order: Order][] = [
  [
    /^(llama|exaone|internlm3|iquestcoder|mistral|qwen2|qwen3|gemma|gemma2|gemma3_text|olmo|olmo2|stablelm|granite|cohere|smollm3|phi|starcoder2|glm|glm4|qwen3_moe|mixtral|gpt_oss)$/,
    DECODER,
  ],
  [/^(bert|roberta|electra)$/, BERT],
  [/^(vit|deit|dinov2)$/, IMAGES],
  [/^(opt|clip_text_model|clip_vision_model|siglip_vision_model)$/, TOWER],
  [/^phi3$/, PHI3],
  [/^(t5|mt5|umt5)$/, T5],
  [/^whisper$/, WHISPER],
  [/^gpt2$/, GPT2],
  [/^(gpt_neox|bloom|falcon)$/, NEOX],
]

/** The modules in the order of the class; null where that is not known. */
export function orderModules(modules: readonly string[], config: Checkpoint['config']): string[] | null {
  const order = ORDERS.find(([types]) => types.test(String(config?.model_type)))?.[1]
  if (!order) return null
  const places = modules.map((name) => {
    const layer = /\.(\d+)\./.exec(`.${name}.`)
    const stages = layer ? [1] : [0, 2]
    for (const stage of stages) {
      const place = order[stage]!.findIndex((end) => end.test(name))
      // The encoder is before the decoder, and the head behind both.
      const side = stage === 2 ? 2 : Number(/(^|\.)decoder\./.test(name))
      if (place >= 0) return { name, key: [side, stage, layer ? Number(layer[1]) : 0, place] }
    }
    return null
  })
  if (places.includes(null)) return null
  return places
    .map((place) => place!)
    .sort(({ key: one }, { key: two }) => one.map((value, i) => value - two[i]!).find((by) => by !== 0) ?? 0)
    .map(({ name }) => name)
}
