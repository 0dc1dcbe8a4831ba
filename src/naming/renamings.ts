// Module names that transformers 5 uses in memory where they differ from those in the files, by the type of the model. Observed by building
// every architecture of transformers 5.18 and 5.24 and comparing (test/fixtures/extract/names.py).

/** Replacements, one after the other. A name of the memory stays as it is. */
export type Renaming = readonly (readonly [from: RegExp, to: string])[]

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
  // transformers 5.18 saves `model.model` of speech models.
  [/^language_model(\.model)+\b/, 'model.language_model'],
  [
    /^(vision_tower|image_tower|video_tower|audio_tower|vision_embed_tokens|multi_modal_projector|image_newline)\b/,
    'model.$1',
  ],
]

const DETR: Renaming = [
  [/\bbackbone\.conv_encoder\b/, 'backbone'],
  [/\b(self_attn|encoder_attn)\.out_proj\b/, '$1.o_proj'],
  [/\blayers\.(\d+)\.(fc[12])\b/, 'layers.$1.mlp.$2'],
  [/\bbbox_attention\.([qk])_linear\b/, 'bbox_attention.$1_proj'],
]

/** By model_type, or by the class where only that tells. */
export const RENAMED: readonly (readonly [RegExp, Renaming])[] = [
  [/^(vit|deit|ijepa|vivit|vit_msn|beit|audio-spectrogram-transformer)$/, VIT],
  // transformers 5.18 and 5.24 save the layers of the decoder under the first of these names.
  [/^vit_mae$/, [[/\bdecoder_encoder\.layer\b/, 'decoder_layers'], ...VIT]],
  [/^yolos$/, [[/\bencoder\.(?=mid_position_embeddings$)/, 'encoder.interpolation.']]],
  [
    /^videomae$/,
    [
      [/\bq_bias$/, 'query.bias'],
      [/\bv_bias$/, 'value.bias'],
    ],
  ],
  [/^nemotron_h$/, [[/^backbone\b/, 'model']]],
  [/^(dinov2|dinov2_with_registers|depth_anything|prompt_depth_anything)$/, SPLIT],
  [/^dinov3_vit$/, [[/^layer\b/, 'model.layer']]],
  [/^dinov3_convnext$/, [[/^stages\b/, 'model.stages']]],
  [/^swin$/, SWIN],
  [/^(detr|deformable_detr)$/, DETR],
  [
    /^conditional_detr$/,
    [
      ...DETR,
      [/\b(decoder\.layers\.\d+)\.sa_/, '$1.self_attn.'],
      [/\b(decoder\.layers\.\d+)\.ca_/, '$1.encoder_attn.'],
      [/\b([qk])(content|pos|pos_sine)_proj\b/, '$1_$2_proj'],
    ],
  ],
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
  [/^altclip$/, [[/\bencoder\.layer\b/, 'encoder.layers']]],
  [/^axk1$/, [[/(?<!mlp\.)\bpost_mlp_layernorm\b/, 'mlp.post_mlp_layernorm']]],
  [
    /^axk2$/,
    [
      [/\bW_down\b/, 'mlp.fc1'],
      [/\bW_up\b/, 'mlp.fc2'],
      [/\bself_attn\.q_b_proj\b/, 'self_attn.q_gate_proj'],
    ],
  ],
  [
    /^hy_v3$/,
    [
      [/\bmlp\.expert_bias$/, 'mlp.e_score_correction_bias'],
      [/\bmlp\.router\b/, 'mlp'],
      [/\bmlp\.shared_mlp\b/, 'mlp.shared_experts'],
    ],
  ],
  [
    /^laguna$/,
    [
      [/\bexperts\.e_score_correction_bias$/, 'gate.e_score_correction_bias'],
      [/\bmlp\.shared_expert\b/, 'mlp.shared_experts'],
    ],
  ],
  [
    /^kimi_linear$/,
    [
      [/\bblock_sparse_moe\b/, 'mlp'],
      [/\bself_attn\.(?=(A_log|dt_bias|[fb]_[ab]_proj)\b)/, 'self_attn.forget_gate.'],
    ],
  ],
  [
    /^qwen(2_5|3)_omni(_moe)?_thinker$/,
    [
      [/^thinker\.(model\.thinker\.)?/, ''],
      [/^(audio_tower|visual)\b/, 'model.$1'],
      [/^(model\.)?(?=(embed_tokens|layers|norm|language_model)\b)/, 'model.language_model.'],
      [/^model\.language_model\.language_model\b/, 'model.language_model'],
    ],
  ],
  [
    /^segformer$/,
    [
      [/\bencoder\.patch_embeddings\.(\d+)/, 'stages.$1.patch_embeddings'],
      [/\bencoder\.block\.(\d+)/, 'stages.$1.blocks'],
      [/\bencoder\.layer_norm\.(\d+)/, 'stages.$1.layer_norm'],
      [/\battention\.self\.query\b/, 'attention.q_proj'],
      [/\battention\.self\.key\b/, 'attention.k_proj'],
      [/\battention\.self\.value\b/, 'attention.v_proj'],
      [/\battention\.self\.sr\b/, 'attention.sequence_reduction.sequence_reduction'],
      [/\battention\.self\.layer_norm\b/, 'attention.sequence_reduction.layer_norm'],
      [/\battention\.output\.dense\b/, 'attention.o_proj'],
      [/\bmlp\.dense([12])\b/, 'mlp.fc$1'],
      [/\blayer_norm_1\b/, 'layernorm_before'],
      [/\blayer_norm_2\b/, 'layernorm_after'],
      [/\bdecode_head\.linear_c\b/, 'decode_head.linear_projections'],
    ],
  ],
  [/^lfm3_vl(_vision)?$/, [[/\bpatchifier\b/, 'patch_embed']]],
  [/^mimo_v2_flash$/, [[/\bself_attn\.attention_sink_bias$/, 'self_attn.sinks']]],
  [
    /^olmo_hybrid$/,
    [
      [/\battention_layer_norm\b/, 'input_layernorm'],
      [/\bfeedforward_layer_norm\b/, 'post_attention_layernorm'],
    ],
  ],
  [
    /^timesfm2_5$/,
    [
      [/\bmlp\.ff0\b/, 'mlp.fc1'],
      [/\bmlp\.ff1\b/, 'mlp.fc2'],
    ],
  ],
  [
    /^paddleocr_vl$/,
    [
      [/^mlp_AR\b/, 'model.projector'],
      [/^(visual)\b/, 'model.$1'],
      [/^model\.(?=(embed_tokens|layers|norm)\b)/, 'model.language_model.'],
    ],
  ],
  [/^lfm3$/, [[/\bself_attn\.gate_proj\b/, 'self_attn.g_proj']]],
  [/^flint$/, [[/\bself_attn\.softmax_offset$/, 'self_attn.sinks']]],
  [/^ernie4_5_moe$/, [[/\bmlp\.moe_statics\b/, 'mlp.gate.moe_statics']]],
  [/^exaone_moe$/, [[/\bmlp\.e_score_correction_bias$/, 'mlp.gate.e_score_correction_bias']]],
  [/^minimax_m2$/, [[/\bblock_sparse_moe\.e_score_correction_bias$/, 'mlp.e_score_correction_bias']]],
  [
    /^(llava|vipllava|llava_next|llava_next_video|llava_onevision|video_llava|mistral3|gemma3|paligemma|aya_vision|internvl|got_ocr2|fuyu|qwen2_audio|voxtral|voxtral_realtime|audioflamingo3|glmasr|musicflamingo)$/,
    TOWERS,
  ],
  [/^granite_speech(_plus)?$/, [...TOWERS, [/^(encoder|projector)\b/, 'model.$1']]],
  [/^vibevoice_asr$/, [...TOWERS, [/^((acoustic|semantic)_tokenizer_encoder)\b/, 'model.$1']]],
  [/^colpali$/, [[/^vlm\.language_model\.model\b/, 'vlm.language_model']]],
  [/^colqwen2$/, [[/^vlm\.model\b/, 'vlm']]],
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

/** model_types whose modules transformers 5 names otherwise than some of their files do, by rules of which those above are none or not all. */
export const OTHERWISE = new Set(
  `bailing_hybrid beit chmv2 cohere_asr cosmos3_edge cosmos3_omni csm d_fine deepseek_v4 depth_pro dory dots3_note
  dots3_note_audio_encoder dots3_note_vision_encoder ernie4_5_vl_moe glm5_next glm5_next_text gradium_phonon_tts
  grounding-dino gte hrm_text hunyuan_vl hy_v4 hy_v4_vl hy_v4_vl_text hyperclovax_vision_v2 inkling2 inkling2_loop
  inkling2_loop_text inkling2_text inkling_mm_model jina_embeddings_v3 kimi_k25 kimi_linear kolibri1
  kyutai_speech_to_text laguna lara_mini lw_detr mask2former maskformer mimi mimi_decoder mimi_encoder minimax_m3_vl
  mistral_large4 mistral_large4_text mm-grounding-dino molmo2 molmo2_text nemo_speechlm nemotron_h_omni nomic_bert
  olmo_hybrid oneformer phimoe pi0 pixio pp_chart2table pp_doclayout_v2 pp_doclayout_v3 pp_doclayout_v4 qianfan_ocr
  qwen2_5_omni qwen2_5_omni_thinker qwen3_omni_moe_thinker radio rf_detr rt_detr rt_detr_v2 sam3_tracker
  sam3_tracker_video sam3_video sapiens2 sarvam_moe shieldgemma2 step3p7 t5gemma2 tipsv2 tipsv2_dpt
  tipsv2_text_model tipsv2_vision_model ultrabert ultravbert unlimited_ocr unlimited_ocr_text zoedepth`.split(/\s+/),
)
