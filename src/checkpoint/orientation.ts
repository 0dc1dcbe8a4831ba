// Which axis of a weight is the input of its layer: transformers stores some [in, out], which a square one does not show.
import type { Checkpoint } from './checkpoint.js'
import { isBatch } from './roles.js'

type Config = Checkpoint['config']

/** Whether the layers of a model, or of a part of it, are Conv1D. */
export const hasConv1d = (config: Config): boolean =>
  [config, config?.decoder, config?.encoder].some((each) =>
    /^(gpt2|openai-gpt|imagegpt|decision_transformer)$/.test(String((each as Config)?.model_type)),
  )

/** Whether this is the weight of a Conv1D; heads and embeddings of such a model are not. */
export const isConv1d = (name: string, config: Config): boolean =>
  hasConv1d(config) && /\.(c_attn|q_attn|c_proj|c_fc)\.weight$/.test(name)

/**
 * Whether peft takes the fused experts of a model for [experts, in, out]. It asks the module for `is_transposed`, which only these have
 * (transformers 5.18 and 5.24, `use_experts_implementation`); Llama 4 stores them so too and does not say it, so peft has A and B of its
 * experts the other way round.
 */
export const hasTurnedExperts = (config: Config): boolean =>
  [config, config?.text_config as Config].some((each) =>
    /^(gpt_oss|openai_privacy_filter|aria|aria_text)$/.test(String(each?.model_type)),
  )

/**
 * Whether experts that lie together are those of the files one after the other, gate before up, as transformers 5 stacks them for every
 * type of model; not where they are stored [experts, in, out].
 */
export const stacksExperts = (config: Config): boolean => !hasTurnedExperts(config) && !isLlama4(config)

const isLlama4 = (config: Config): boolean =>
  [config, config?.text_config as Config].some((each) => /^llama4(_text)?$/.test(String(each?.model_type)))

/**
 * Whether the factors that peft wants of these fused experts are those of the transpose of the file's. So are they where peft takes them
 * for [experts, in, out], and where the file alone has them so: published ones of Qwen3-VL-MoE do, those that transformers 5 saves do
 * not, and it turns what has not the shape of the model.
 */
export function wantsTurned(name: string, [, rows, columns]: readonly number[], config: Config): boolean {
  const text = (config?.text_config ?? config) as Config
  if (!/^qwen3_vl_moe(_text)?$/.test(String(text?.model_type ?? config?.model_type))) return hasTurnedExperts(config)
  const [own, other] = name.endsWith('gate_up_proj') ? [columns, rows] : [rows, columns]
  return own !== text?.hidden_size && other === text?.hidden_size
}

/** How the matrices of a tensor lie. */
export interface MatrixLayout {
  /** A batch of matrices [count, rows, columns], or of vectors [count, length]. */
  batch: boolean
  /** Stored [inputs, outputs], where most are [outputs, inputs]. */
  turned: boolean
}

/** The same for a tensor of a model with this config. */
export function matrixLayout(name: string, shape: readonly number[], config: Config): MatrixLayout {
  const batch = isBatch(name, shape)
  const turned =
    shape.length === 2 ? isConv1d(name, config) : batch && (wantsTurned(name, shape, config) || isLlama4(config))
  return { batch, turned }
}

/** Inputs of the layer whose weight this is: the side of the Gram matrix of what it is fed. */
export const inputWidth = (name: string, shape: readonly number[], config: Config): number =>
  shape.at(matrixLayout(name, shape, config).turned ? -2 : -1) ?? 0
