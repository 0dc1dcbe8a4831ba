// The base as the model of a task has it: an adapter of a classifier holds a head that its base, a language model, does not have,
// and leaves out the head of the language model. Classes and their tensors are those of transformers 5.18.
import { UserError } from '../errors/index.js'
import { type AdapterConfig, isSaved } from './adapter-config.js'
import { finderOf } from './adapter-place.js'
import type { Sorted, Tensors } from './adapter-sort.js'
import { type Checkpoint, classNameOf } from './checkpoint.js'
import { isFloating } from './dtype.js'
import type { TensorEntry } from './header.js'
import { tensorBytes } from './layout.js'
import { layerOf, roleOf } from './roles.js'
import { classEndOf } from './task-types.js'
import { isOutput } from './tie-names.js'

/** What an adapter's model has otherwise than its base. */
export interface AdaptedBase {
  base: Checkpoint
  /** Tensors that only one of the two has, or with another shape: they have no delta. */
  apart: readonly string[]
  /** Sentences for the user. */
  notes: readonly string[]
}

export interface AdapterFile {
  file: string
  config: AdapterConfig
  tensors: Tensors
  sorted: Sorted
}

const CLASSIFIES = /For\w*(Classification|QuestionAnswering|MultipleChoice)(Simple)?$/
/** Modules of heads, at the top of a model. */
const HEAD =
  /^(cls|lm_head|embed_out|predictions|sop_classifier|final_logits_bias|output_projection|generator_(lm_head|predictions)|vocab_(projector|layer_norm|transform)|discriminator_predictions|pred_layer|entity_predictions|projection_head|lm_loss|decoder(?=\.(weight|bias)$)|classifier|pre_classifier|score|qa_outputs|classification_head)(\.|$)/

/** Of these, heads with a row for each label. */
const LABELS = /^(classifier|score|qa_outputs|classification_head)\./

/** Encoders that have a pooler for sequences, and need it for nothing else. */
const POOLED = /^(albert|bert|big_bird|megatron-bert|ernie|gte|mobilebert|nomic_bert|rembert|roc_bert|tapas)$/
/** Encoders whose pooler no class with a head has, but that of choices. */
const UNPOOLED =
  /^(roberta|camembert|xlm-roberta|xlm-roberta-xl|xmod|roberta-prelayernorm|data2vec-text|ibert|lilt|longformer|mpnet|jina_embeddings_v3|luke|markuplm|vit|deit)$/
/** Modules, by model_type and end of the class, that stand between the encoder and the classifier and are drawn at random. */
const BETWEEN: readonly (readonly [type: RegExp, end: RegExp, module: RegExp])[] = [
  [POOLED, /Sequence|Choice/, /(^|\.)pooler\./],
  [UNPOOLED, /Choice/, /(^|\.)pooler\./],
  [/^deberta(-v2)?$/, /Sequence/, /(^|\.)pooler\./],
  [/^(bart|mbart|mvp|plbart|t5|mt5|umt5|led|bigbird_pegasus)$/, /Sequence/, /^classification_head\./],
  [/^modernbert(-decoder)?$/, /Sequence|Token/, /^head\./],
  [/^eurobert$/, /Sequence/, /^dense\./],
  [/^(xlnet|xlm|flaubert)$/, /Sequence/, /^sequence_summary\./],
  [/^big_bird$/, /Question/, /^qa_classifier\./],
  [/^modernbert$/, /Question/, /^classifier\./],
  [
    /^(wav2vec2|hubert|sew|sew-d|unispeech|unispeech-sat|wavlm|data2vec-audio|wav2vec2-conformer|wav2vec2-bert|whisper)$/,
    /Audio|Sequence/,
    /^projector\./,
  ],
]

/** Their question answering calls the layers `transformer.…` and finds none of a checkpoint of the language model: they stay random. */
const OTHER_PREFIX =
  /^(arcee|diffllama|exaone4|llama|ministral|nemotron|qwen2|qwen3|qwen3_moe|qwen3_next|seed_oss|smollm3)$/

/** The class that the adapter was trained with, where it is a classifier and the base is none of it. */
function classOf(config: AdapterConfig, base: Checkpoint): string | null {
  const own = classNameOf(base.config)
  const { auto_mapping: mapping } = config.given as { auto_mapping?: { base_model_class?: unknown } | null }
  const stem = own.replace(/(For[A-Z]\w*|(With)?LMHeadModel|DoubleHeadsModel|Model)$/, '')
  const end = classEndOf(config.task_type ?? '')
  // These classes are named for the part that is text, but that of the language model is not.
  const part = /^(gemma3|qwen3_5|cohere_compass)_text$/.test(String(base.config?.model_type)) ? 'Text' : ''
  const wanted = end !== undefined && stem ? stem + part + end : String(mapping?.base_model_class ?? '')
  return CLASSIFIES.test(wanted) && wanted.replace('Simple', '') !== own.replace('Simple', '') ? wanted : null
}

/** @throws UserError for a head that neither base nor adapter holds */
export function withHead({ file, config, tensors, sorted }: AdapterFile, base: Checkpoint): AdaptedBase {
  const name = classOf(config, base)
  const find = finderOf(base)
  const [added, reshaped]: [string[], string[]] = [[], []]
  for (const [inner, stored] of sorted.whole) {
    const target = find(inner)
    if (isOutput(inner) || !(isSaved(config, inner) || HEAD.test(inner))) continue
    const isHead = layerOf(inner) === null && roleOf(inner, tensors.get(stored)!.shape) !== 'embedding'
    if (target === null && isHead && (name !== null || HEAD.test(inner))) added.push(inner)
    else if (
      target !== null &&
      isHead &&
      LABELS.test(inner) &&
      !sameShape(tensors.get(stored)!, base.tensors.get(target)!)
    )
      reshaped.push(target)
  }
  if (!added.length && !reshaped.length && name === null) return { base, apart: [], notes: [] }
  const holds = (inner: string): boolean => sorted.whole.has(inner)
  const left =
    name === null ? [] : [...base.tensors.keys()].filter((each) => !holds(each) && isLeftOut(each, name, base))
  const shapeOf = (inner: string): readonly number[] => tensors.get(sorted.whole.get(inner)!)!.shape
  const entries = new Map([...base.tensors].filter(([each]) => !left.includes(each)))
  const dtype = [...base.tensors.values()].find((each) => isFloating(each.dtype))!.dtype
  for (const inner of added) entries.set(inner, entryOf({ name: inner, dtype }, shapeOf(inner)))
  for (const target of reshaped) entries.set(target, entryOf(base.tensors.get(target)!, shapeOf(target)))
  if (name !== null) checkHead({ file, config, name, base }, [...entries.keys()])
  const count = labelsOf([...added, ...reshaped], shapeOf, name)
  const view = {
    ...base,
    tensors: entries,
    tied: new Map([...base.tied].filter(([copy, source]) => entries.has(copy) && entries.has(source))),
    config: base.config && withLabels({ ...base.config, ...(name !== null && { architectures: [name] }) }, count),
  }
  const what = [...added, ...reshaped]
  const notes = what.length
    ? [
        `${file}: the adapter was trained with a head of its own (${modulesOf(what)}), which ${base.folder} ${added.length ? 'does not have' : 'has with another shape'}: it is taken as it is, without a delta${left.length ? `; ${name} leaves out ${modulesOf(left)} of the base` : ''}`,
      ]
    : []
  return { base: view, apart: [...what, ...left], notes }
}

/** The modules at the top of these tensors' names. */
const modulesOf = (names: readonly string[]): string =>
  [...new Set(names.map((name) => (/^.*?(^|\.)pooler(?=\.)/.exec(name) ?? /^[^.]+/.exec(name)!)[0]))].join(', ')

const sameShape = (one: TensorEntry, two: TensorEntry): boolean => String(one.shape) === String(two.shape)

const entryOf = ({ name, dtype }: { name: string; dtype: string }, shape: readonly number[]): TensorEntry => ({
  ...{ name, dtype, shape: [...shape], file: '', begin: 0 },
  end: tensorBytes({ dtype, shape }),
})

/** Whether the class leaves out a tensor of the base: another head, or a pooler. */
function isLeftOut(tensor: string, name: string, { config }: Checkpoint): boolean {
  if (/(^|\.)pooler\./.test(tensor)) {
    const type = String(config?.model_type)
    return !/Choice/.test(name) && (UNPOOLED.test(type) || (POOLED.test(type) && !/Sequence/.test(name)))
  }
  return HEAD.test(tensor)
}

/** @throws UserError for a part of the head that neither side holds */
function checkHead(
  { file, config, name, base }: Pick<AdapterFile, 'file' | 'config'> & { name: string; base: Checkpoint },
  names: readonly string[],
): void {
  const type = String(base.config?.model_type)
  const fail = (what: string) =>
    new UserError(
      `${file}: ${name} has ${what}, which neither ${base.folder} nor the adapter holds: it was drawn at random for the training and not saved with it (modules_to_save ${JSON.stringify(config.modules_to_save)}); give the base as it was saved with that head`,
    )
  if (OTHER_PREFIX.test(type) && /Question/.test(name) && names.some((each) => each.startsWith('model.layers.')))
    throw new UserError(
      `${file}: ${name} of transformers 5 calls its layers transformer.layers and reads none of ${base.folder}, which calls them model.layers: the adapter was trained on layers drawn at random; give the base as ${name} saved it`,
    )
  const between = BETWEEN.find(
    ([types, end, module]) => types.test(type) && end.test(name) && !names.some((each) => module.test(each)),
  )
  if (between)
    throw fail(/pooler/.test(between[2].source) ? 'a pooler' : `the module ${between[2].source.replace(/\W/g, '')}`)
  if (
    !names.some((each) => /(^|\.)(\w*classifier|score|qa_outputs|classification_head|logits_proj|\w*head)\./.test(each))
  )
    throw fail('a head')
}

/** The number of labels by the shape of the last layer; null where none is stored, and for the ends of an answer and choices, which are no labels. */
function labelsOf(
  names: readonly string[],
  shapeOf: (name: string) => readonly number[],
  architecture: string | null,
): number | null {
  if (/Question|Choice/.test(architecture ?? '')) return null
  const last = ['out_proj', 'classifier', 'score', 'logits_proj']
    .map((module) => names.find((name) => name.endsWith(`${module}.weight`) && !/pre_classifier/.test(name)))
    .find((name) => name !== undefined)
  return last === undefined ? null : shapeOf(last)[0]!
}

/** Labels as transformers calls them where nobody named them. */
function withLabels(config: Record<string, unknown>, count: number | null): Record<string, unknown> {
  const named = config.id2label as Record<string, unknown> | undefined
  if (count === null || (named ? Object.keys(named).length : Number(config.num_labels ?? 2)) === count) return config
  const ids = Array.from({ length: count }, (_, id) => [String(id), `LABEL_${id}`] as const)
  const { num_labels: _, ...others } = config
  return {
    ...others,
    id2label: Object.fromEntries(ids),
    label2id: Object.fromEntries(ids.map(([id, label]) => [label, Number(id)])),
  }
}
