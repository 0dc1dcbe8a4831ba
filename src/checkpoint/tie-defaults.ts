// Whether a model of transformers ties its output matrix to the embedding, as its config.json says or leaves out.
import { type Checkpoint, classNameOf } from './checkpoint.js'

type Config = NonNullable<Checkpoint['config']>

/** model_types whose configuration class has `tie_word_embeddings = False` (transformers 5.24); all others with a head say True. */
const UNTIED = new Set(
  `afmoe apertus apertus1p5 apertus1p5_text arcee aria aria_text axk1 axk2 bailing_hybrid bamba beam bitnet blt
  bridgetower chameleon codegen cohere_asr cohere_compass cosmos3_edge cosmos3_edge_text cosmos3_omni csm cwm dbrx
  deepseek_ocr2 deepseek_ocr2_text deepseek_v2 deepseek_v3 deepseek_v32 deepseek_v4 diffllama doge dory dots1
  dots3_note dots3_note_text emu3 emu3_text_model esmc eurobert evolla exaone exaone4 exaone4_5 exaone_moe falcon_h1
  fast_vlm flex_olmo flint fsmt fuyu git glm glm4 glm46v glm4_moe glm4_moe_lite glm4v glm4v_moe glm4v_moe_text
  glm5_next glm5_next_text glm_image glm_moe_dsa glm_ocr glmga gpt_neox gpt_oss gptj granite granite4_vision
  granite4_vision_text granitemoe granitemoe_swa granitemoehybrid granitemoeshared helium higgs_audio_v2 hrm_text
  hunyuan_v1_dense hunyuan_v1_moe hy_v3 hy_v4 hy_v4_vl hy_v4_vl_text hyperclovax idefics idefics2 idefics3 imagegpt
  internlm3 iquestcoder jais2 jamba kimi_linear kolibri1 kyutai_speech_to_text laguna llama llama4 llama4_text llava
  llava_next llava_next_video llava_onevision longcat_flash mamba2 mellum mimo_v2_flash minicpmv4_6 minicpmv4_7
  minimax minimax_m2 minimax_m3_vl minimax_m3_vl_text ministral ministral3 mistral mistral4 mistral_large4
  mistral_large4_text mixtral mllama_text_model modernvbert molmo2 molmo2_text moonshine_streaming moshi moshi_depth
  muse_glimmer_text muse_spark_text musicgen_decoder musicgen_melody_decoder nanochat nemotron nemotron_h olmo olmo2
  olmo3 olmo_hybrid olmoe openai_privacy_filter perception_lm persimmon phi phi3 phi4_multimodal phimoe pix2struct
  pix2struct_text_model qianfan_ocr qwen2 qwen2_5_omni_talker qwen2_5_omni_thinker qwen2_5_vl qwen2_moe qwen2_vl qwen3
  qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen3_moe qwen3_next qwen3_omni_moe_talker_text
  qwen3_omni_moe_thinker qwen3_vl qwen3_vl_moe qwen4_exp qwen4_exp_text reformer rembert rwkv sarvam_mla sarvam_moe
  seed_oss smolvlm solar_open stablelm step3p5 ultrabert ultravbert unlimited_ocr unlimited_ocr_text vibevoice
  video_llama_3 video_llava vipllava xlstm`.split(/\s+/),
)

/** Always tied in transformers 5, whatever the config says. */
const T5 = /^(t5|mt5|umt5|longt5|pop2piano|udop)$/
/** Of these, those in which `tie_word_embeddings: false` says that the decoder's output is not scaled (umt5: in 4.57 and 5.24; 5.18 always scales it); mt5 never scales it. */
const SCALES = /^(t5|umt5|longt5|pop2piano)$/

const textOf = ({ text_config: text }: Config): Config =>
  typeof text === 'object' && text !== null ? (text as Config) : {}

/** What transformers 5.18 takes: a model of several parts is tied when it or its text part says so. */
export function saysTied(config: Config): boolean {
  const [own, text, type] = [
    config.tie_word_embeddings,
    textOf(config).tie_word_embeddings,
    String(config.model_type ?? ''),
  ]
  if (T5.test(type) || own === true || text === true) return true
  return (own ?? text) === false ? false : !UNTIED.has(type)
}

/** The config of the same model with an output matrix of its own. */
export function untiedConfig(config: Config): Config {
  if (T5.test(String(config.model_type))) return config
  const text = textOf(config)
  const inner = text.tie_word_embeddings === undefined ? {} : { text_config: { ...text, tie_word_embeddings: false } }
  return { ...config, tie_word_embeddings: false, ...inner }
}

/** Whether version 4 ties them too: what is false there is false, for T5 as well; mT5 says False where the config leaves it out (4.57). */
export function saysTiedInVersion4(config: Config): boolean {
  const { model_type: type, tie_word_embeddings: own } = config
  return saysTied(config) && !(T5.test(String(type)) && (own === false || (type === 'mt5' && own === undefined)))
}

/**
 * Whether the decoder's output is multiplied by d_model^-0.5 before the head (transformers 5.18): `scale_decoder_outputs`, or
 * `tie_word_embeddings` where that is missing. Null for a model without that switch, without a decoder or without this head.
 */
export function scalesDecoder({ config, tensors }: Checkpoint): boolean | null {
  const [type, scale, tie] = [String(config?.model_type), config?.scale_decoder_outputs, config?.tie_word_embeddings]
  const architecture = classNameOf(config)
  if (
    !(architecture === '' || architecture.endsWith('ForConditionalGeneration')) ||
    ![...tensors.keys()].some((name) => /(^|\.)decoder\./.test(name))
  )
    return null
  if (type === 'switch_transformers') return tie !== false
  return SCALES.test(type) ? (scale === undefined ? tie !== false : Boolean(scale)) : null
}
