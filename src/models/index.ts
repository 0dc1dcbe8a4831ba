// Architectures by the words that config.json uses, and the model of a checkpoint.
import { UserError, unknown } from '../errors/index.js'
import { fileOf } from '../schema/index.js'
import { bert } from './bert.js'
import { clip } from './clip.js'
import { type Config, classOf, KIND, read } from './config.js'
import { decoder } from './decoder.js'
import { gpt2 } from './gpt2.js'
import type { Model } from './model.js'
import { adoptNames } from './names.js'
import { vit } from './vit.js'

export * from './batch.js'
export * from './chain.js'
export * from './finite.js'
export { hiddenStates } from './hidden.js'
export * from './inputs.js'
export * from './model.js'
export * from './objective.js'
export { type Load, type PassKind, planStretches } from './plan.js'
export * from './sequence.js'
export * from './source.js'
export { watched } from './watch.js'

export interface Architecture {
  /** The `model_type` of config.json. */
  name: string
  /** Classes of transformers (`architectures` of config.json) that are understood; the first is meant when none is named. */
  classes: string[]
  /** The config must name its class, for there is no usual one. */
  named?: boolean
  cite: string
  make(config: Config): Model
}

export const architectures: Architecture[] = [
  {
    name: 'llama',
    classes: ['LlamaForCausalLM'],
    make: decoder('llama'),
    cite: 'Touvron et al. 2023 (arXiv 2302.13971); Dubey et al. 2024 (arXiv 2407.21783)',
  },
  { name: 'qwen2', classes: ['Qwen2ForCausalLM'], make: decoder('qwen2'), cite: 'Yang et al. 2024 (arXiv 2407.10671)' },
  { name: 'qwen3', classes: ['Qwen3ForCausalLM'], make: decoder('qwen3'), cite: 'Yang et al. 2025 (arXiv 2505.09388)' },
  {
    name: 'mistral',
    classes: ['MistralForCausalLM'],
    make: decoder('mistral'),
    cite: 'Jiang et al. 2023 (arXiv 2310.06825)',
  },
  { name: 'gpt2', classes: ['GPT2LMHeadModel'], make: gpt2, cite: 'Radford et al. 2019' },
  {
    name: 'bert',
    classes: ['BertForSequenceClassification', 'BertForMaskedLM'],
    named: true,
    make: bert('bert'),
    cite: 'Devlin et al. 2019 (arXiv 1810.04805)',
  },
  {
    name: 'roberta',
    classes: ['RobertaForSequenceClassification', 'RobertaForMaskedLM'],
    named: true,
    make: bert('roberta'),
    cite: 'Liu et al. 2019 (arXiv 1907.11692)',
  },
  {
    name: 'vit',
    classes: ['ViTForImageClassification'],
    make: vit,
    cite: 'Dosovitskiy et al. 2021 (arXiv 2010.11929)',
  },
  {
    name: 'clip',
    classes: [
      'CLIPModel',
      'CLIPForImageClassification',
      'CLIPVisionModelWithProjection',
      'CLIPTextModelWithProjection',
    ],
    make: clip,
    cite: 'Radford et al. 2021 (arXiv 2103.00020)',
  },
  {
    name: 'clip_vision_model',
    classes: ['CLIPVisionModel', 'CLIPVisionModelWithProjection'],
    make: clip,
    cite: 'the image tower of clip alone',
  },
  {
    name: 'clip_text_model',
    classes: ['CLIPTextModel', 'CLIPTextModelWithProjection'],
    make: clip,
    cite: 'the text tower of clip alone',
  },
]

/** So many of the tensors that do not fit are named; the others are counted. */
const NAMED = 8

/** Why a checkpoint with these shapes is not the model's: tensors missing or misshapen, and tensors of more layers than it has. */
function misfits(model: Model, shapes: Record<string, readonly number[]>): string[] {
  const wrong = Object.entries(model.shapes).flatMap(([name, shape]) => {
    const found = shapes[name]
    if (!found) return [`${name} is missing`]
    return String(found) === String(shape) ? [] : [`${name} is [${found}], config.json says [${shape}]`]
  })
  const anyLayer = (name: string) => name.replace(/\.\d+\./g, '.*.')
  const known = new Set(Object.keys(model.shapes).map(anyLayer))
  const beyond = Object.keys(shapes).filter((name) => !(name in model.shapes) && known.has(anyLayer(name)))
  return [...wrong, ...beyond.map((name) => `${name} is of a layer that config.json does not have`)]
}

/**
 * The model that a config.json describes.
 * @param shapes shapes found in the checkpoint; every tensor the model needs must be there with the right shape. Tensors
 *   that it does not need (mask buffers, a stored copy of a tied head) are left alone.
 * @throws UserError for an unknown architecture, or naming missing and misshapen tensors and those of further layers.
 */
export function loadModel(config: Config, shapes?: Record<string, readonly number[]>): Model {
  try {
    return makeModel(config, shapes)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(error.message.replace('config.json', fileOf(config, 'config.json')), { cause: error })
  }
}

/**
 * The model of a checkpoint. The shapes of its tensors are checked as in `loadModel`.
 * @param reference what the user called the checkpoint
 * @throws UserError without config.json, and what `loadModel` throws
 */
export function modelOf(
  { config, tensors }: { config: Config | null; tensors: ReadonlyMap<string, { shape: readonly number[] }> },
  reference: string,
): Model {
  if (!config) throw new UserError(`${reference}: config.json is missing`)
  return loadModel(config, Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape])))
}

function makeModel(config: Config, shapes?: Record<string, readonly number[]>): Model {
  const type = read(config, 'model_type', KIND.word)
  const architecture = architectures.find(({ name }) => name === type)
  if (!architecture)
    throw unknown(
      'model_type in config.json',
      type,
      architectures.map(({ name }) => name),
    )
  const { classes, named } = architecture
  const style = classOf(config, named ? undefined : classes[0])
  if (style === undefined)
    throw new UserError(`config.json: architectures must name the class of a ${type}; known: ${classes.join(', ')}`)
  if (!classes.includes(style)) throw unknown(`class of ${type} in config.json (architectures)`, style, classes)
  const made = architecture.make({ ...config, architectures: [style] })
  if (!shapes) return made
  const model = adoptNames(made, new Set(Object.keys(shapes)))
  const wrong = misfits(model, shapes)
  const more = wrong.length > NAMED ? `; and ${wrong.length - NAMED} more` : ''
  if (wrong.length)
    throw new UserError(`checkpoint does not fit its config.json: ${wrong.slice(0, NAMED).join('; ')}${more}`)
  return model
}
