// Tensors of files that are no weights of the model: buffers that transformers computes, and parts that it passes over.
// From `_keys_to_ignore_on_load_unexpected` of the classes of transformers 5.18, and what version 4 and older ones stored.

/** Frequencies and tables of positions, numbers of positions and segments, versions of file formats, and how many models an average is of. */
const COMPUTED =
  /(^|\.)((original_)?inv_freq|(cos|sin)_cached|position_ids|token_type_ids|relative_position_index|causal_mask|masked_bias|_float_tensor|version|freqs_cis|n_averaged)$/
/** Masks [1, 1, n, n] of GPT-2, GPT-J, GPT-Neo and GPT-NeoX. A bias of the same name has one dimension. */
const MASK = /(^|\.)(attn|attention|crossattention)\.bias$/

/** Whether this is a buffer that the model computes: whatever a file holds under the name is not read. */
export const isBuffer = (name: string, shape: readonly number[]): boolean =>
  COMPUTED.test(name) || (MASK.test(name) && shape.length === 4 && shape[2] === shape[3])

/** Whether transformers passes a tensor over that is too many: layers that predict further tokens, a bias that the first T5 files hold. */
export const isPassedOver = (name: string): boolean =>
  /(^|\.)mtp(_layers)?\.|(^|\.)decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/.test(
    name,
  )

/** Whether this is a statistic of a batch norm: a state of the model and no parameter (torch.nn.Module.named_parameters leaves it out). */
export const isStatistic = (name: string): boolean => /(^|\.)running_(mean|var)$/.test(name)
