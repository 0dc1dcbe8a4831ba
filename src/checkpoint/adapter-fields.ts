// Entries of adapter_config.json that the peft which we follow does not know: it warns and passes over them, and so does this.

/** All entries of all kinds in peft 0.21. */
const FIELDS = new Set(
  `ab_svd_init act_fn adapter_layers adapter_len adapters alora_invocation_tokens alpha alpha_pattern apply_GS
  arrow_config asa_importance_beta asa_schedule_exponent asa_target_subspaces asa_uncertainty_beta auto_mapping
  auxiliary_loss_weight base_model_name_or_path beta1 beta2 bias block_share block_size block_size_pattern
  boft_block_num boft_block_size boft_dropout boft_n_butterfly_factor cayley_neumann_eps coft config_A_B config_C
  config_D_E corda_config cpt_mask cpt_token_ids cpt_tokens_type_mask d_initial decompose_both decompose_factor
  decomposition_method deft_dropout delora_lambda deltaT depth effective_rank enable_softmax enable_softmax_topk
  encoder_dropout encoder_hidden_size encoder_num_layers encoder_reparameterization_type ensure_weight_tying eps
  eva_config exclude_modules fan_in_fan_out feedforward_modules final_warmup frod_dropout generator_seed
  global_scaling_weight gralora_dropout gralora_k group_size hidden_size hira_dropout hybrid_r inference_mode
  init_ia3_weights init_logits_std init_lora_weights init_r init_scale init_theta_d_bound init_v_bound
  init_vector_bank_bound init_warmup init_weights kasa_config lambda_pattern layer_replication layers_pattern
  layers_to_transform layerwise_scalings loftq_config lora_alpha lora_bias lora_dropout lora_ga_config mask_interval
  mask_type megatron_config megatron_core mini_r miss_dropout module_dropout modules_to_save monteclora_config
  n_frequency n_frequency_pattern n_skills n_splits n_tasks num_B num_attention_heads num_cayley_neumann_terms
  num_frozen_tokens num_layers num_ranks num_subspaces num_tasks num_transformer_submodules num_vectors
  num_virtual_tokens oft_block_size opt_loss_decay_factor opt_projection_epsilon opt_projection_format_epsilon
  opt_weighted_loss_type orth_reg_weight para peft_type peft_version poly_type prefix_projection progressbar
  proj_seed projection_prng_key projection_seed prompt_tuning_init prompt_tuning_init_state_dict_path
  prompt_tuning_init_task prompt_tuning_init_text proportional_parameters psoft_alpha psoft_dropout psoft_mag_a
  psoft_mag_b psoft_orth psoft_svd psoft_svd_lowrank_niter pvera_dropout qalora_group_size r randlora_alpha
  randlora_dropout random_loc_seed random_seed rank_dropout rank_dropout_scale rank_pattern regularization_alpha
  revision runtime_config runtime_offload_base_weight sample_at_inference save_indices save_only_topk_weights
  save_precomputed_indices save_projection scaling scaling_pass_value select_top shadow_alpha shadow_dropout
  shadow_hidden_size shadow_intermediate_size shadow_model shadow_num_attention_heads shadow_num_hidden_layers
  share_embeddings softmax_temperature sparse sparse_rate sparsity stride_A subspace_rank svd_threshold
  target_modules target_parameters target_r target_svd_config task_type tfinal theta_d_length tinit tinylora_dropout
  token_dim token_indices tokenizer_kwargs tokenizer_name_or_path top_k_lora topk total_step trainable_token_indices
  u unilora_dropout update_hidden_size use_asa use_bdlora use_cayley_neumann use_dora use_dynamic_rank
  use_effective_conv2d use_idwt use_qalora use_rslora use_trainable_adapters variant vblora_dropout vector_length
  velora_config vera_dropout very_sparse wavelet_family weight_tying xlora_depth xlora_dropout_p xlora_size`.split(
    /\s+/,
  ),
)

/** Entries of older versions, which only said how the program runs. */
const OLD = new Set(['enable_lora', 'merge_weights'])

const isSet = (value: unknown): boolean =>
  value !== null && value !== false && !(typeof value === 'object' && Object.keys(value as object).length === 0)

/** A sentence on entries that a later peft may have given a meaning; none for entries that are off. */
export function noteUnknown(given: Readonly<Record<string, unknown>>, path: string): string[] {
  const names = Object.keys(given).filter((name) => !FIELDS.has(name) && !OLD.has(name) && isSet(given[name]))
  return names.length
    ? [
        `${path}: ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} not known to peft 0.21 and passed over, as peft does; if ${names.length === 1 ? 'it changes' : 'they change'} what is added to the weights, the result is not what was trained`,
      ]
    : []
}
