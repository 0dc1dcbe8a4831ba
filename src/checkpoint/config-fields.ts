// Fields of config.json that differ between models of one kind whose weights pair. They may change what a model computes.
import type { Checkpoint } from './checkpoint.js'

type Config = Record<string, unknown>

/**
 * Fields that change no output of the model, or that its weights show: names and versions, storage, what training and generation
 * are set to, labels of a task, sizes of the vocabulary and of the stack, and ties (tied.ts reads them).
 */
const OTHER = new RegExp(
  [
    '^_(name_or_path|commit_hash|class_name|diffusers_version|(attn|experts)_implementation)',
    '(^|_)(name|name_or_path|version|dtype)$',
    '^unsloth',
    '^pretraining_tp$',
    'kernels$',
    '^(architectures|auto_map|torchscript|prefix|tokenizer_class|quantization_config)$',
    '^(id2label|label2id|num_labels|problem_type|finetuning_task|task_specific_params)$',
    '^(return_dict|return_loss|output_(attentions|hidden_states|router_logits|past))$',
    'use_(return_dict|cache)$',
    'attn_implementation',
    'gradient_checkpointing|chunk_size_feed_forward',
    'drop(out|path|_path|_rate)|_pdrop$|layerdrop|^drop_\\w+_rate$',
    '(^|_)init(ializer)?(_|$)',
    'loss|jitter',
    '^mask_(time|feature)_(prob|length|min_masks|channels)$',
    'token_(ids?|index)$',
    '^(vocab_size|num_hidden_layers|num_layers|num_decoder_layers|n_layers?|encoder_layers|decoder_layers)$',
    '^(tie_\\w+|scale_decoder_outputs)$',
    '^(max|min)_(new_tokens|length)$',
    '^(do_sample|early_stopping|temperature|top_[kp]|typical_p)$',
    '^(num_beams|num_beam_groups|num_return_sequences|diversity_penalty|repetition_penalty|length_penalty)$',
    '_ngram_size$|^(bad_words_ids|suppress_tokens|begin_suppress_tokens)$',
  ].join('|'),
)

const isSection = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A config with its rotation in the form of version 5, whichever it has; that of a model with several is in parts already. */
function withRotation({
  rope_theta: theta,
  rope_scaling: scaling,
  rope_parameters: parameters,
  ...rest
}: Config): Config {
  const { type, ...rope } = isSection(parameters) ? parameters : isSection(scaling) ? scaling : {}
  if (Object.values(rope).some(isSection)) return { ...rest, rope_parameters: rope }
  const given = theta !== undefined || isSection(parameters) || isSection(scaling)
  return given ? { ...rest, rope_parameters: { rope_type: type ?? 'default', rope_theta: theta, ...rope } } : rest
}

/** Values by path. */
function flatten(section: Config, at = ''): Map<string, unknown> {
  const config = /(^|\.)rope_parameters\./.test(at) ? section : withRotation(section)
  return new Map(
    Object.entries(config).flatMap(([key, value]): [string, unknown][] => {
      const derived = value === null && /(head_dim|num_key_value_heads)$/.test(key) // the class reckons it from other fields
      if (value === undefined || derived || OTHER.test(key) || (at && key === 'model_type')) return []
      return isSection(value) ? [...flatten(value, `${at}${key}.`)] : [[at + key, value]]
    }),
  )
}

const spell = (value: unknown): string => {
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/**
 * One line on the fields that both configs have with different values; null when there are none. A field that only one has is
 * passed over: what the other takes for it is in the code of its class.
 */
export function configDifference(one: Checkpoint, two: Checkpoint): string | null {
  if (!one.config || !two.config) return null
  const [here, there] = [flatten(one.config), flatten(two.config)]
  const fields = [...here].filter(
    ([path, value]) => there.has(path) && JSON.stringify(there.get(path)) !== JSON.stringify(value),
  )
  if (!fields.length) return null
  const list = fields.map(([path, value]) => `${path} (${spell(value)} and ${spell(there.get(path))})`).join(', ')
  return `config.json of ${one.folder} and ${two.folder} differ in what a model may compute with: ${list}`
}
