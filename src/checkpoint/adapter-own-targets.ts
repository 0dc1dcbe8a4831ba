// The modules that peft takes where adapter_config.json names none: its own list for the kind of adapter and the type of the model.
// Those of peft 0.21.2 (peft.utils.constants); 0.21.0 has the same.

type Lists = Readonly<Record<string, string | readonly string[]>>

/** @param rows modules → the types of models that they are the list of */
const listsOf = (rows: Readonly<Record<string, string>>): Lists =>
  Object.fromEntries(
    Object.entries(rows).flatMap(([modules, types]) => types.split(' ').map((type) => [type, modules.split(' ')])),
  )

const only = (lists: Lists, types: string): Lists =>
  Object.fromEntries(types.split(' ').map((type) => [type, lists[type]!]))

const without = (lists: Lists, types: string): Lists =>
  Object.fromEntries(Object.entries(lists).filter(([type]) => !types.split(' ').includes(type)))

const LORA: Lists = {
  ...listsOf({
    'q_proj v_proj': 'bart opt gptj gpt_neo llama llama4 mistral mixtral stablelm gemma gemma2 gemma3_text qwen2 qwen3',
    'q v': 't5 mt5',
    c_attn: 'gpt2 gpt_bigcode',
    query_key_value: 'bloom gpt_neox chatglm RefinedWebModel RefinedWeb falcon',
    'q v q_proj v_proj': 'blip-2',
    'query value': 'bert roberta xlm-roberta electra layoutlm',
    'query_proj value_proj': 'deberta-v2',
    in_proj: 'deberta',
    Wqkv: 'mpt',
    'c_proj c_attn': 'btlm',
    qkv_proj: 'codegen',
    'q_proj v_proj fc1 fc2': 'phi',
    'q_proj k_proj v_proj o_proj': 'nemotron_h',
    'key value receptance output': 'rwkv',
    'r_proj k_proj v_proj o_proj key value': 'rwkv7',
  }),
  gemma4: '.*language_model\\..*\\.(q_proj|v_proj)',
}

const C_PROJ = listsOf({ 'mlp.c_proj': 'gpt2 gpt_bigcode' })
const PHI = listsOf({ 'q_proj v_proj': 'phi' })
const VERA: Lists = { ...LORA, ...PHI }
const MANY =
  't5 mt5 bart gpt2 bloom opt gptj gpt_neox gpt_neo llama llama4 bert roberta deberta-v2 gpt_bigcode deberta gemma gemma2 gemma3_text gemma4 qwen2 qwen3 nemotron_h'
const VBLORA: Lists = {
  ...only(LORA, MANY),
  ...listsOf({
    'q k v o wi wo': 't5',
    'q k v o wi_0 wi_1 wo': 'mt5',
    'q_proj k_proj v_proj out_proj fc1 fc2': 'bart opt',
    'query_proj key_proj value_proj dense': 'deberta-v2',
  }),
}

/** Of the kinds whose lists are not those of LoRA. */
const OWN: Readonly<Record<string, Lists>> = {
  FOURIERFT: { ...LORA, ...C_PROJ },
  C3A: { ...LORA, ...C_PROJ },
  WAVEFT: without({ ...LORA, ...C_PROJ }, 'btlm rwkv rwkv7'),
  SHIRA: VERA,
  VERA,
  FROD: { ...VERA, vit: ['query', 'value'] },
  PVERA: { ...VERA, dinov2: ['query', 'value'] },
  VBLORA,
  ADALORA: { ...VBLORA, roberta: ['query', 'key', 'value', 'dense'] },
  LN_TUNING: listsOf({
    'input_layernorm post_attention_layernorm norm': 'llama mistral gemma',
    'input_layernorm post_attention_layernorm ln_f': 'bloom falcon',
    'multi_modal_projector input_layernorm post_attention_layernorm norm embed_tokens lm_head': 'llava',
    'layer_norm final_layer_norm': 't5 mt5',
    'self_attn_layer_norm encoder_attn_layer_norm final_layer_norm': 'bart',
    'ln_1 ln_2 ln_f': 'gpt2',
    'layernorm LayerNorm final_layer_norm self_attn_layer_norm': 'blip-2',
    'ln_1 ln_f': 'gptj',
    'input_layernorm final_layernorm': 'phi',
    'input_layernorm post_attention_layernorm pre_feedforward_layernorm post_feedforward_layernorm norm':
      'gemma2 gemma3_text',
    post_attention_layernorm: 'qwen2 qwen3',
  }),
  IA3: listsOf({
    'k v wo': 't5',
    'k v wi_1': 'mt5',
    'c_attn mlp.c_proj': 'gpt2 gpt_bigcode',
    'query_key_value mlp.dense_4h_to_h': 'bloom',
    'key value output.dense': 'roberta bert',
    'q_proj k_proj fc2': 'opt',
    'q_proj v_proj fc_out': 'gptj',
    'query_key_value dense_4h_to_h': 'gpt_neox RefinedWebModel RefinedWeb falcon',
    'q_proj v_proj c_proj': 'gpt_neo',
    'q_proj v_proj fc2': 'bart phi',
    'k_proj v_proj down_proj': 'llama mistral',
    'q_proj v_proj down_proj': 'llama4 gemma gemma2 gemma3_text qwen2 qwen3',
    'k_proj v_proj w2': 'mixtral',
    'key_proj value_proj output.dense': 'deberta-v2',
    'in_proj output.dense': 'deberta',
  }),
  BEFT: listsOf({
    v: 't5 mt5',
    value: 'roberta bert',
    value_proj: 'deberta-v2',
    v_proj: 'opt gptj gpt_neo bart llama llama4 mistral mixtral phi gemma gemma2 gemma3_text qwen2 qwen3',
  }),
  OSF: listsOf({
    'q_proj k_proj v_proj o_proj gate_proj down_proj up_proj':
      'llama llama4 mistral mixtral gemma gemma2 gemma3_text qwen2 qwen3 phi',
    'c_attn c_proj': 'gpt2 gpt_bigcode',
    'query_key_value dense_4h_to_h': 'bloom gpt_neox falcon',
    'q_proj k_proj v_proj out_proj fc1 fc2': 'opt',
    'q_proj k_proj v_proj out_proj fc_in fc_out': 'gptj',
  }),
}

/** Ends of names, or a pattern; null where peft has no list and refuses the adapter. @param kind `peft_type` */
export const ownTargets = (kind: string, modelType: string): string | readonly string[] | null =>
  (OWN[kind] ?? LORA)[modelType] ?? (kind === 'OSF' ? 'all-linear' : null)
