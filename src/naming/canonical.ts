// One name for the tensors of a model, however its files spell them.
import { byType, memoryName, type NamedConfig } from './memory.js'

/** Experts that version 4 kept below another module. */
const EXPERTS = new Map<string, readonly (readonly [RegExp, string])[]>([
  ...['mixtral', 'minimax', 'minimax_m2'].map((type) => [type, [[/\.block_sparse_moe\./, '.mlp.']]] as const),
  [
    'phimoe',
    [
      [/\.block_sparse_moe\./, '.mlp.'],
      [/\.mlp\.gate\.weight$/, '.mlp.router.weight'],
    ],
  ],
])

/** Models of several parts: a part that stands below its own name or `model`, as in files of other versions. */
const PARTS: readonly (readonly [RegExp, string])[] = [
  [/\b(vision_model|text_model|vision_tower|image_tower|video_tower)\.(vision_model|text_model)\./, '$1.'],
  [/\blanguage_model\.(model\.)+/, 'language_model.'],
  [/^(model\.)?language_model\.lm_head\./, 'lm_head.'],
  // The language model by itself, as files of text alone hold it.
  [/^(model\.)?language_model\.(?=(embed_tokens|layers|norm)\.)/, '$1'],
]

/** The module that holds the model without its head, where it is called neither `model`, `transformer` nor as the model_type. */
const OWN: readonly (readonly [RegExp, string])[] = [
  [/^(camembert|xlm-roberta|xlm-roberta-xl|xmod|jina_embeddings_v3)$/, 'roberta'],
  [/^(bert-generation|big_bird|megatron-bert)$/, 'bert'],
  [/^(vit_mae|vit_msn|vitpose|yolos)$/, 'vit'],
  [/^(mamba|mamba2|falcon_mamba|xlstm)$/, 'backbone'],
  [/^deberta-v2$/, 'deberta'],
  [/^donut-swin$/, 'donut'],
  [/^siglip_vision_model$|^siglip2_vision_model$/, 'vision_model'],
]

const TRANSFORMER =
  /^(gpt2|gptj|gpt_neo|gpt_bigcode|codegen|bloom|falcon|mpt|dbrx|ctrl|openai-gpt|xlnet|xlm|flaubert|u?mt5|t5|longt5|switch_transformers)$/
const AS_TYPE =
  /^(bert|roberta|albert|electra|distilbert|deberta|mpnet|longformer|mobilebert|funnel|convbert|rembert|squeezebert|esm|vit|deit|beit|swin|swinv2|dinov2|wav2vec2|hubert|wavlm|gpt_neox|rwkv)$/

const ownHome = (type: string): string | undefined => OWN.find(([types]) => types.test(type))?.[1]

/** What the class of a model_type calls the module that holds the model without its head (base_model_prefix of transformers). */
export const baseModule = (type: string): string =>
  ownHome(type) ?? (TRANSFORMER.test(type) ? 'transformer' : AS_TYPE.test(type) ? type : 'model')

const homesOf = byType((type) => {
  const own = ownHome(type) ?? type.replaceAll('-', '_')
  return type === 'distilbert' ? [own] : ['model', 'transformer', own]
})

/**
 * A name that is the same in all spellings of a model: that in memory of transformers 5 without the prefix of its base model,
 * which files that were saved without the head do not have.
 */
export function canonicalName(name: string, config: NamedConfig): string {
  const current = (EXPERTS.get(String(config?.model_type)) ?? []).reduce(
    (given, [from, to]) => given.replace(from, to),
    name,
  )
  const memory = PARTS.reduce((given, [from, to]) => given.replace(from, to), memoryName(current, config))
  const homes = homesOf(config)
  const [first, ...rest] = memory.split('.')
  return rest.length && homes.includes(first!) ? rest.join('.') : memory
}

/** Names in the order in which transformers reads them: it takes the first of two that stand for one tensor. */
export function firstByName(one: string, two: string): number {
  const [a, b] = [one, two].map((name) => name.split('.'))
  const i = a!.findIndex((part, k) => part !== b![k])
  const [x, y] = [a![i], b![i]]
  if (x === undefined || y === undefined) return a!.length - b!.length
  const [m, n] = [x, y].map((part) => (/^\d+$/.test(part) ? Number(part) : null))
  if (m !== null && n !== null) return m! - n!
  if (m !== null || n !== null) return m !== null ? -1 : 1
  return x < y ? -1 : 1
}
