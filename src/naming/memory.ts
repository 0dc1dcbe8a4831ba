// Module names that transformers 5 uses in memory where they differ from those in the files. Adapters of peft use the names in memory.
// Observed by building every architecture of transformers 5.18 and 5.24 and comparing (test/fixtures/extract/names.py).

/** config.json, by whose model_type names are understood. */
export type NamedConfig = Record<string, unknown> | null
type Renaming = readonly (readonly [from: RegExp, to: string])[]

/** What `find` finds of a model_type, found once: names come by thousands, types do not. */
export function byType<T>(find: (type: string) => T): (config: NamedConfig) => T {
  const found = new Map<string, T>()
  return (config) => {
    const type = String(config?.model_type)
    if (!found.has(type)) found.set(type, find(type))
    return found.get(type)!
  }
}

const SPLIT: Renaming = [
  [/\battention\.attention\.query\b/, 'attention.q_proj'],
  [/\battention\.attention\.key\b/, 'attention.k_proj'],
  [/\battention\.attention\.value\b/, 'attention.v_proj'],
  [/\battention\.output\.dense\b/, 'attention.o_proj'],
]
const VIT: Renaming = [
  ...SPLIT,
  [/\bencoder\.layer\.(?=\d)/, 'layers.'],
  [/\bintermediate\.dense\b/, 'mlp.fc1'],
  [/(?<!attention\.)\boutput\.dense\b/, 'mlp.fc2'],
]
const SWIN: Renaming = [
  [/\battention\.self\.query\b/, 'attention.q_proj'],
  [/\battention\.self\.key\b/, 'attention.k_proj'],
  [/\battention\.self\.value\b/, 'attention.v_proj'],
  [/\battention\.self\.(?=relative_position_bias_table)/, 'attention.relative_position_bias.'],
  [/\battention\.output\.dense\b/, 'attention.o_proj'],
  [/\bintermediate\.dense\b/, 'mlp.fc1'],
  [/(?<!attention\.)\boutput\.dense\b/, 'mlp.fc2'],
]
/** A language model with towers: the parts moved below `model`. */
const TOWERS: Renaming = [
  [/^language_model\.lm_head\b/, 'lm_head'],
  [/^language_model\.model\b/, 'model.language_model'],
  [
    /^(vision_tower|image_tower|video_tower|audio_tower|vision_embed_tokens|multi_modal_projector|image_newline)\b/,
    'model.$1',
  ],
  [/^model\.vision_tower\.vision_model\b/, 'model.vision_tower'],
]

/** By model_type, or by the class where only that tells. */
const RENAMED: readonly (readonly [RegExp, Renaming])[] = [
  [/^(vit|deit|ijepa|vivit|vit_msn|vit_mae|beit|audio-spectrogram-transformer)$/, VIT],
  [/^nemotron_h$/, [[/^backbone\b/, 'model']]],
  [/^(dinov2|dinov2_with_registers)$/, SPLIT],
  [/^swin$/, SWIN],
  [/^(clip|siglip|siglip2|metaclip_2|chinese_clip)_vision_model$/, [[/^vision_model\./, '']]],
  [/^(clip|siglip|siglip2|metaclip_2)_text_model$/, [[/^text_model\./, '']]],
  [/^gpt_neox$/, [[/^embed_out\b/, 'lm_head']]],
  // A Llama since 5.24; its files keep the names of the model's own code.
  [
    /^exaone$/,
    [
      [/^transformer\.wte\b/, 'model.embed_tokens'],
      [/^transformer\.h\b/, 'model.layers'],
      [/^transformer\.ln_f\b/, 'model.norm'],
      [/\.attn\.attention\b/, '.self_attn'],
      [/\.self_attn\.out_proj\b/, '.self_attn.o_proj'],
      [/\.ln_1\b/, '.input_layernorm'],
      [/\.ln_2\b/, '.post_attention_layernorm'],
      [/\.mlp\.c_fc_0\b/, '.mlp.gate_proj'],
      [/\.mlp\.c_fc_1\b/, '.mlp.up_proj'],
      [/\.mlp\.c_proj\b/, '.mlp.down_proj'],
    ],
  ],
  [/^lfm3$/, [[/\bself_attn\.gate_proj\b/, 'self_attn.g_proj']]],
  [/^flint$/, [[/\bself_attn\.softmax_offset$/, 'self_attn.sinks']]],
  [/^ernie4_5_moe$/, [[/\bmlp\.moe_statics\b/, 'mlp.gate.moe_statics']]],
  [/^exaone_moe$/, [[/\bmlp\.e_score_correction_bias$/, 'mlp.gate.e_score_correction_bias']]],
  [/^minimax_m2$/, [[/\bblock_sparse_moe\.e_score_correction_bias$/, 'mlp.e_score_correction_bias']]],
  [
    /^(llava|vipllava|llava_next|llava_next_video|llava_onevision|video_llava|mistral3|gemma3|paligemma|aya_vision|internvl|got_ocr2|fuyu|qwen2_audio|voxtral|audioflamingo3)$/,
    TOWERS,
  ],
  [/^mllama$/, [...TOWERS, [/^vision_model\b/, 'model.vision_model']]],
  [/^(qwen3_5_text|qwen3_5_moe_text|gemma3n_text|apertus1p5_text)$/, [[/^model\.language_model\./, 'model.']]],
  [
    /^aria(_text)?$/,
    [...TOWERS, [/\bexperts\.fc1\.weight$/, 'experts.gate_up_proj'], [/\bexperts\.fc2\.weight$/, 'experts.down_proj']],
  ],
  [
    /^(qwen2_vl|qwen2_5_vl)$/,
    [
      [/^(model\.)?(?=(layers|embed_tokens|norm)\.)/, 'model.language_model.'],
      [/^visual\b/, 'model.visual'],
    ],
  ],
  [
    /^granitemoe(shared|hybrid)?$/,
    [
      [/\bblock_sparse_moe\.input_linear\.weight$/, 'block_sparse_moe.experts.gate_up_proj'],
      [/\bblock_sparse_moe\.output_linear\.weight$/, 'block_sparse_moe.experts.down_proj'],
      [/\brouter\.layer\.weight$/, 'router.weight'],
    ],
  ],
]

/** model_types whose modules transformers 5 names otherwise than some of their files do, by rules of which those above are not all. */
const OTHERWISE = new Set(
  `altclip axk1 axk2 bailing_hybrid beit chmv2 cohere2_vision cohere_asr colmodernvbert colpali colqwen2 cosmos3_edge
  cosmos3_omni d_fine deepseek_v4 deepseek_vl deepseek_vl_hybrid depth_anything depth_pro dinov3_convnext dinov3_vit
  dory dots3_note dots3_note_audio_encoder dots3_note_text dots3_note_vision_encoder ernie4_5_vl_moe glm5_next
  glm5_next_text glmasr granite_speech granite_speech_plus grounding-dino gte hrm_text hunyuan_vl hy_v3 hy_v4 hy_v4_vl
  hy_v4_vl_text hyperclovax_vision_v2 inkling2 inkling2_loop inkling2_loop_text inkling2_text inkling_mm_model jamba
  jina_embeddings_v3 kimi_k25 kimi_linear kolibri1 laguna lara_mini lfm2_vl lfm3_vl lfm3_vl_vision lw_detr mask2former
  maskformer mimo_v2_flash minimax_m3_vl mistral_large4 mistral_large4_text mm-grounding-dino modernvbert molmo2
  molmo2_text musicflamingo nemotron_h nemotron_h_omni nomic_bert olmo_hybrid oneformer paddleocr_vl phimoe pi0 pixio
  pp_chart2table pp_doclayout_v2 pp_doclayout_v3 prompt_depth_anything qianfan_ocr qwen3_5_moe qwen3_5_moe_text
  qwen4_exp qwen4_exp_text radio rf_detr rt_detr rt_detr_v2 sam3 sam3_tracker sam3_tracker_video sam3_video sapiens2
  sarvam_moe segformer shieldgemma2 step3p7 t5gemma2 timesfm2_5 tipsv2 tipsv2_dpt tipsv2_text_model
  tipsv2_vision_model unlimited_ocr unlimited_ocr_text vibevoice_asr videomae vit_mae voxtral_realtime yolos zoedepth`.split(
    /\s+/,
  ),
)

/** Names of old files: LayerNorm of TensorFlow, and the two factors of a weight with `weight_norm`. */
const LEGACY: Renaming = [
  [/LayerNorm\.gamma$/, 'LayerNorm.weight'],
  [/LayerNorm\.beta$/, 'LayerNorm.bias'],
  [/\.weight_g$/, '.parametrizations.weight.original0'],
  [/\.weight_v$/, '.parametrizations.weight.original1'],
]

/** Whether the names that transformers 5 has in memory are known for all files of this type of model. */
export const knowsNames = (config: NamedConfig): boolean => !OTHERWISE.has(String(config?.model_type))

/** What a user of the adapter must know about the names of its modules; null where they are those of every version. */
export function noteNames(names: Iterable<string>, config: NamedConfig): string | null {
  if (!knowsNames(config))
    return `transformers 5 names modules of ${String(config?.model_type)} otherwise than its files do, by a rule that is not known here: peft may pass over parts of the adapter`
  const moved = [...names].find((name) => memoryName(name, config) !== name)
  return moved === undefined
    ? null
    : `modules have the names of transformers 5 (${memoryName(moved, config)}, not ${moved}): version 4 does not find them`
}

const renamingOf = byType((type) => [...LEGACY, ...(RENAMED.find(([types]) => types.test(type))?.[1] ?? [])])

/** The name in memory of a tensor that the file calls `name`; a file of a later transformers may have it already. */
export const memoryName = (name: string, config: NamedConfig): string =>
  renamingOf(config).reduce((given, [from, to]) => given.replace(from, to), name)

/** Published models of these types have no prefix in their files, though their class has one (gpt2, bloom-560m, opt-350m). */
const BARE = new Map<string, readonly [prefix: string, parts: RegExp]>([
  ['gpt2', ['transformer', /^(wte|wpe|h|ln_f)(\.|$)/]],
  ['bloom', ['transformer', /^(word_embeddings|word_embeddings_layernorm|h|ln_f)(\.|$)/]],
  ['opt', ['model', /^decoder\./]],
])

/** The names in memory of the tensors of a file, also of one without the prefix that the class in config.json has. */
export function memoryNames(stored: Iterable<string>, config: NamedConfig): (name: string) => string {
  const [prefix, parts] = BARE.get(String(config?.model_type)) ?? []
  const headed = Array.isArray(config?.architectures) && /For[A-Z]|LMHead/.test(String(config.architectures[0]))
  const bare = prefix !== undefined && headed && ![...stored].some((name) => name.startsWith(`${prefix}.`))
  return (name) => memoryName(bare && parts!.test(name) ? `${prefix}.${name}` : name, config)
}
