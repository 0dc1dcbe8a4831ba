// Weights that transformers stores [in, out], which a square one does not show.
import type { Checkpoint } from './checkpoint.js'

type Config = Checkpoint['config']

/** Whether the layers of a model are Conv1D. */
export const hasConv1d = (config: Config): boolean => /^(gpt2|openai-gpt|imagegpt|decision_transformer)$/.test(String(config?.model_type))

/** Whether this is the weight of a Conv1D; heads and embeddings of such a model are not. */
export const isConv1d = (name: string, config: Config): boolean => hasConv1d(config) && /\.(c_attn|q_attn|c_proj|c_fc)\.weight$/.test(name)

/** Whether the fused experts of a model are stored [experts, in, out]. */
export const hasTurnedExperts = (config: Config): boolean => /^(gpt_oss|llama4|llama4_text)$/.test(String(config?.model_type))
