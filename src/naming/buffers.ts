// Tensors of files that are no weights of the model: buffers that transformers computes, and parts that it passes over.
// From `_keys_to_ignore_on_load_unexpected` of the classes of transformers 5.18, and what version 4 and older ones stored.

import type { NamedConfig } from './memory.js'

/** Frequencies and tables of positions, numbers of positions and segments, versions of file formats, and how many models an average is of. */
const COMPUTED =
  /(^|\.)((original_)?inv_freq|(cos|sin)_cached|position_ids|token_type_ids|relative_position_index|causal_mask|masked_bias|_float_tensor|version|freqs_cis|n_averaged)$/
/** Masks [1, 1, n, n] of GPT-2, GPT-J, GPT-Neo and GPT-NeoX. A bias of the same name has one dimension. */
const MASK = /(^|\.)(attn|attention|crossattention)\.bias$/

/** Whether this is a buffer that the model computes: whatever a file holds under the name is not read. */
export const isBuffer = (name: string, shape: readonly number[]): boolean =>
  COMPUTED.test(name) || (MASK.test(name) && shape.length === 4 && shape[2] === shape[3])

const PASSED_OVER =
  /(^|\.)mtp(_\w+)?\.|(^|\.)decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/
/** The layers of a language model. */
const LAYER = /^(?:model\.)?(?:language_model\.)?(?:model\.)?layers\.(\d+)\./

/** How many layers config.json says that the language model has; infinitely many where it says nothing. */
function layersIn(config: NamedConfig): number {
  const text = config?.text_config as NamedConfig | undefined
  const count = text?.num_hidden_layers ?? config?.num_hidden_layers
  return typeof count === 'number' ? count : Infinity
}

/**
 * Whether transformers passes a tensor over that is too many: layers that predict further tokens (`mtp`, `mtp_block`, or numbered on after the last
 * one of config.json, as in DeepSeek-V3 and GLM-4.5), a bias that the first T5 files hold.
 */
export const isPassedOver = (name: string, config: NamedConfig): boolean =>
  PASSED_OVER.test(name) || Number(LAYER.exec(name)?.[1] ?? -1) >= layersIn(config)

/** Whether this is a statistic of a batch norm: a state of the model and no parameter (torch.nn.Module.named_parameters leaves it out). */
export const isStatistic = (name: string): boolean => /(^|\.)running_(mean|var)$/.test(name)
