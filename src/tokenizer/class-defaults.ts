// Special tokens and inputs that a tokenizer class has where no file names any: the defaults of transformers 5.18, the same in 5.24. Of each
// class that opens a tokenizer.json; the others, and those that are not known, have none.
import { TOKEN_ROLES, type TokenizerConfig } from './file.js'

/** Tokens in the order of TOKEN_ROLES (begin, end, unknown, separator, padding, class, mask), `-` for
 * none; `null` where that goes before the padding of tokenizer.json → names of classes, without `Tokenizer`. */
const CLASSES: readonly (readonly [tokens: string, classes: string])[] = [
  [
    '<s> </s> <unk> </s> <pad> <s> <mask>',
    'Bart Barthez Blenderbot Camembert LED LayoutLMv3 LayoutXLM Longformer Luke MBart MLuke Mvp Nllb Roberta XLMRoberta',
  ],
  [
    '- - [UNK] [SEP] [PAD] [CLS] [MASK]',
    'Bert ConvBert DPRContextEncoder DPRQuestionEncoder DPRReader DistilBert Electra LayoutLM LayoutLMv2 Lxmert MobileBert Splinter SqueezeBert',
  ],
  ['[CLS] [SEP] <unk> [SEP] <pad> [CLS] [MASK]', 'Albert FNet RemBert'],
  ['[CLS] [SEP] [UNK] [SEP] [PAD] [CLS] [MASK]', 'Deberta DebertaV2'],
  ['<|endoftext|> <|endoftext|> <|endoftext|> - null - -', 'CodeGen GPT2'],
  ['<|endoftext|> <|endoftext|> <|endoftext|> - - - -', 'Whisper'],
  ['<|endoftext|> <|endoftext|> <|endoftext|> - <|padding|> - -', 'GPTNeoX'],
  ['- <|endoftext|> <|endoftext|> - <|endoftext|> - -', 'Qwen2 Qwen3_5'],
  ['<|startoftext|> <|endoftext|> <|endoftext|> - <|endoftext|> - -', 'CLIP'],
  ['<s> </s> <unk> - - - -', 'CodeLlama Llama'],
  ['<bos> <eos> <unk> - <pad> - <mask>', 'Gemma Siglip2'],
  ['- </s> <unk> - <pad> - -', 'Lasr T5 VideoPrism'],
  ['- </s> <unk> </s> <pad> - -', 'Udop'],
  ['- </s> <unk> - <pad> - <mask_2>', 'Pegasus'],
  ['- </s> <unk> - - - -', 'Reformer'],
  ['- </s> <unk> </s> <pad> <s> <mask>', 'MBart50'],
  ['<s> </s> <unk> <sep> <pad> <cls> <mask>', 'Funnel XLNet'],
  ['<s> </s> <unk> </s> <pad> <s> -', 'SeamlessM4T XGLM'],
  ['<s> </s> <unk> [SEP] <pad> [CLS] [MASK]', 'BigBird'],
  ['<s> </s> [UNK] </s> <pad> <s> <mask>', 'MPNet'],
  ['<s> </s> <unk> - <pad> - -', 'Nougat'],
  ['<BOS_TOKEN> <|END_OF_TURN_TOKEN|> <UNK> <SEP> <PAD> <CLS> <MASK_TOKEN>', 'Cohere'],
  ['<cls> <eos> <unk> - <pad> <cls> <mask>', 'Esmc'],
  ['- - <unk> </s> <pad> <s> <mask>', 'Herbert'],
  ['- - <pad> - <pad> - -', 'Dia'],
  ['- - <unk> - <pad> - -', 'Tipsv2'],
  ['- - <unk> - - - -', 'OpenAIGPT'],
]

/** The class of a model type → the types. `TokenizersBackend`, which has no tokens, takes the place of whatever class a file names. */
const TYPES: Readonly<Record<string, string>> = {
  Albert: 'albert yoso',
  Bart: 'florence2',
  Barthez: 'barthez',
  Bert: 'align bark bert blip bros chinese_clip convbert distilbert electra ernie flava git grounding-dino layoutlm megatron-bert mm-grounding-dino nezha nomic_bert qdqbert realm retribert squeezebert tvp vilt visual_bert',
  BigBird: 'big_bird',
  Blenderbot: 'blenderbot',
  CLIP: 'aimv2 clip clipseg groupvit omdet-turbo oneformer owlv2 owlvit sam3 sam3_video xclip',
  Camembert: 'camembert',
  CodeLlama: 'code_llama',
  Cohere: 'aya_vision cohere cohere2',
  DPRQuestionEncoder: 'dpr',
  Deberta: 'deberta',
  DebertaV2: 'deberta-v2',
  Dia: 'dia',
  Esmc: 'esmc esmfold2',
  FNet: 'fnet',
  Funnel: 'funnel',
  GPT2: 'blip-2 codegen dbrx emu3 gpt-sw3 gpt2 gpt_neo gptj hyperclovax_vision_v2 instructblip instructblipvideo jais2 opt phi starcoder2',
  GPTNeoX: 'falcon_mamba gpt_neox mamba mamba2 mpt olmo olmoe rwkv xlstm',
  Gemma:
    'diffusion_gemma gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text recurrent_gemma shieldgemma2 t5gemma zaya',
  Herbert: 'herbert',
  LED: 'led',
  Lasr: 'lasr_ctc lasr_encoder',
  LayoutLMv2: 'layoutlmv2',
  LayoutLMv3: 'layoutlmv3',
  LayoutXLM: 'layoutxlm',
  Llama: 'idefics idefics2',
  Luke: 'luke',
  Lxmert: 'lxmert',
  MBart: 'mbart',
  MBart50: 'mbart50',
  MLuke: 'mluke',
  MPNet: 'mpnet',
  MobileBert: 'mobilebert',
  Mvp: 'mvp',
  Nllb: 'nllb nllb-moe',
  Nougat: 'pp_formulanet',
  OpenAIGPT: 'openai-gpt',
  Pegasus: 'pegasus',
  Qwen2:
    'audioflamingo3 colqwen2 cosmos3_omni fun_asr_nano hunyuan_vl internvl lighton_ocr ovis2 qianfan_ocr qwen2 qwen2_5_omni qwen2_5_vl qwen2_audio qwen2_moe qwen2_vl qwen3 qwen3_asr qwen3_moe qwen3_next qwen3_omni_moe qwen3_vl qwen3_vl_moe vibevoice',
  Qwen3_5: 'qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen4_exp',
  Reformer: 'reformer',
  RemBert: 'rembert',
  Roberta: 'bart bridgetower clap data2vec-text ibert lilt longformer mega mra roberta roberta-prelayernorm',
  SeamlessM4T: 'seamless_m4t seamless_m4t_v2',
  Siglip2: 'siglip2',
  Splinter: 'splinter',
  T5: 'mt5 musicgen musicgen_melody switch_transformers t5',
  Tipsv2: 'tipsv2',
  TokenizersBackend:
    'EvollaModel arctic aria bigbird_pegasus camembertv2-base canary chameleon chatlm cohere_asr deepseek_ocr deepseek_ocr2 deepseek_v2 deepseek_v3 deepseek_v32 deepseek_v4 deepseek_vl deepseek_vl_hybrid deepseek_vl_v2 ernie4_5 ernie4_5_moe flex_olmo fuyu glm glm4 glm4_moe glm4_moe_lite glm4v glm4v_moe glm_image glmasr got_ocr2 gpt_bigcode granite granitemoe granitemoehybrid granitemoeshared h2ovl_chat hyperclovax hyperclovax_vlm internlm2 jamba janus kimi_k25 kimi_linear kosmos-2 llava llava_next mimo_v2_flash minicpm3 minicpmv minicpmv4_6 minicpmv4_7 minimax_m2 ministral ministral3 mistral mistral3 mixtral modernbert modernbert-decoder molmo molmo2 nemotron nvfp4 nystromformer olmo2 olmo3 olmo_hybrid opencua openvla paddleocr_vl pegasus_x persimmon phi3 phi3_v phimoe pix2struct pixtral smolvlm stablelm step3_vl step3p5 umt5 vipllava voxtral voxtral_realtime xlm-roberta-xl',
  Udop: 'udop',
  VideoPrism: 'videoprism',
  Whisper: 'whisper',
  XGLM: 'xglm',
  XLMRoberta: 'gte jina_embeddings_v3 metaclip_2 trocr xlm-roberta xmod',
  XLNet: 'xlnet',
}

/** Model types whose own class goes before the one that a file names, which is often wrong. */
const CORRECTED = 'hyperclovax_vision_v2 qwen2 qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen4_exp'.split(' ')

/** Classes that tell a model which text of a pair a token is of (`token_type_ids`), where no file says. */
const SEGMENTED =
  'Bert ConvBert DPRContextEncoder DPRQuestionEncoder DPRReader Deberta DebertaV2 Electra FNet LayoutLM LayoutLMv2 Lxmert MobileBert SqueezeBert'

const PLAIN = 'TokenizersBackend'
const listed = (words: string, word: string): boolean => words.split(' ').includes(word)
const shortened = (name: string): string => name.replace(/(Tokenizer)?(Fast)?$/, '')

/**
 * The class that AutoTokenizer of transformers 5.18 opens.
 * @param named `tokenizer_class` of tokenizer_config.json, or else of config.json
 * @param type `model_type` of config.json
 */
export function openedClass(named: string | undefined, type: string | undefined): string | undefined {
  const own = type === undefined ? undefined : Object.keys(TYPES).find((name) => listed(TYPES[name]!, type))
  const given = named === undefined ? undefined : shortened(named)
  return own === PLAIN || given === undefined || CORRECTED.includes(type ?? '') ? own : given
}

/** What the class has where no file says: special tokens by role, and `token_type_ids` among its inputs or none. */
export function classDefaults(named: string | undefined, type: string | undefined): TokenizerConfig {
  const name = openedClass(named, type)
  const types = name !== undefined && listed(SEGMENTED, name) ? ['token_type_ids'] : []
  const [tokens] = CLASSES.find(([, classes]) => name !== undefined && listed(classes, name)) ?? ['']
  const entries = tokens.split(' ').map((token, i) => [TOKEN_ROLES[i]!, token === 'null' ? null : token] as const)
  return {
    ...Object.fromEntries(entries.filter(([, token]) => token !== '' && token !== '-')),
    model_input_names: ['input_ids', ...types, 'attention_mask'],
  }
}
