// Files of another kind than the one that is wanted: recognised by keys that only that kind has.
import type { z } from 'zod'
import { UserError } from '../errors/index.js'

/** Keys that task files of lm-evaluation-harness have, and cards do not. */
export const HARNESS_KEYS = [
  'dataset_path',
  'dataset_name',
  'doc_to_text',
  'doc_to_target',
  'doc_to_choice',
  'output_type',
  'metric_list',
  'generation_kwargs',
  'process_results',
  'filter_list',
  'aggregate_metric_list',
  'include',
  'test_split',
  'validation_split',
] as const

/** Keys, and what a file with them is. The first that fits counts. */
const KINDS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [
    ['gate_mode', 'experts', 'shared_experts', 'experts_per_token'],
    "this is a file of mergekit's moe, which builds a mixture of experts; deltalab merges weights only",
  ],
  [
    ['layer_slices'],
    'layer_slices of bakllama are slices here: merge_method: passthrough, slices: [{sources: [{model: …, layer_range: [start, end]}]}]',
  ],
  [
    ['genome'],
    'this is a file of mergekit-evolve; there is no evolutionary search: deltalab sweep tries lists of options',
  ],
  [['merge_method', 'merger', 'slices', 'tokenizer_source'], 'this is a merge file: deltalab merge reads it'],
  [['runs', 'training_items', 'held_out'], 'this is a recipe of zeroth-order tuning: deltalab zeroth reads it'],
  [['learning_rate', 'steps', 'micro_batches'], 'this is a training recipe: deltalab train reads it'],
  [['editors', 'merges', 'seeds', 'score', 'report'], 'this is an experiment: deltalab sweep reads it'],
  [
    HARNESS_KEYS,
    'this is a task of lm-evaluation-harness; a card of deltalab has kind, data, prompt and metric (docs/tasks.md)',
  ],
  [
    ['group', 'group_alias'],
    'this is a group of tasks of lm-evaluation-harness; here several are named as --task one,two, and each needs a card (docs/tasks.md)',
  ],
  [['class'], 'this is a task of lm-evaluation-harness that is a class of Python; it has no card here (docs/tasks.md)'],
  [['prompt', 'metric', 'preamble'], 'this is the card of a task: deltalab eval <model> --task takes it'],
  [
    ['model_type', 'architectures', 'hidden_size'],
    "this is a model's config.json; a YAML file that says what to do is wanted",
  ],
]

/**
 * What the document is, if it is of another kind: at least half of its keys are unknown, and one of them belongs to that kind.
 * @param issues what its schema finds wrong
 */
export function otherKind(issues: readonly z.core.$ZodIssue[], value: unknown): UserError | undefined {
  const stray = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [],
  )
  if (stray.length === 0 || 2 * stray.length < Object.keys(value as object).length) return undefined
  for (const [keys, what] of KINDS) {
    const sign = keys.find((key) => stray.includes(key))
    if (sign !== undefined) return new UserError(what, { path: [sign] })
  }
  return undefined
}
