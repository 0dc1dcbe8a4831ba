// Which class of transformers a checkpoint is, by its config.json and its tensors, and why it is none that can be run.
import { z } from 'zod'
import { firstFew, nearest, UserError } from '../errors/index.js'
import type { Architecture } from './architecture.js'
import { architectures } from './architectures.js'
import { type Config, KIND, read } from './config.js'
import type { Model } from './model.js'
import { adoptNames, spellingIn } from './names.js'
import { refuseLite } from './parameter-lite.js'

type Shapes = Record<string, readonly number[]>

/** So many of the tensors that do not fit are named; the others are counted. */
const NAMED = 8

const MISSING = ' is missing'

/** Why a checkpoint with these shapes is not the model's: tensors missing or misshapen, and tensors of more layers than it has. */
function misfits(model: Model, shapes: Shapes): string[] {
  const wrong = Object.entries(model.shapes).flatMap(([name, shape]) => {
    const found = shapes[name]
    if (!found) return [`${name}${MISSING}`]
    return String(found) === String(shape) ? [] : [`${name} is [${found}], config.json says [${shape}]`]
  })
  const anyLayer = (name: string) => name.replace(/\.\d+\./g, '.*.')
  const known = new Set(Object.keys(model.shapes).map(anyLayer))
  const beyond = Object.keys(shapes).filter((name) => !(name in model.shapes) && known.has(anyLayer(name)))
  const part = (name: string) => (/\.experts\.\d+\./.test(name) ? 'an expert' : 'a layer')
  return [...wrong, ...beyond.map((name) => `${name} is of ${part(name)} that config.json does not have`)]
}

/** Two counts of classes that differ, which old trainers leave: num_labels was set, and id2label kept its two names. */
function countsOfLabels(config: Config): string | undefined {
  const { num_labels: count, id2label: names } = config
  const named = typeof names === 'object' && names !== null ? Object.keys(names).length : undefined
  return count === undefined || named === undefined || named === count
    ? undefined
    : `num_labels is ${JSON.stringify(count)} and id2label names ${named}; transformers counts the names: give id2label one for each class`
}

const namedIn = (config: Config): string[] => read(config, 'architectures', z.array(KIND.word), [])

const cannotRun = (what: string, known: readonly string[]) =>
  new UserError(
    `${what} cannot be run: losses, scores and training need one of ${known.join(', ')}; ` +
      'inspect, edit, merge and extract work on any model',
  )

const typeNames = architectures.map(({ name }) => name)

/** ` (did you mean "llama"?)`, where a word is close to a known one. */
function meantType(type: string): string {
  const near = nearest(type, typeNames)
  return near === undefined ? '' : ` (did you mean ${JSON.stringify(near)}?)`
}

/** @throws UserError naming the `model_type` and what can be done all the same */
export function findArchitecture(type: string, what = `${JSON.stringify(type)}${meantType(type)}`): Architecture {
  const found = architectures.find(({ name }) => name === type)
  if (found) return found
  throw cannotRun(`model_type ${what}`, typeNames)
}

/** What else a config.json may be of, by a key of it. */
const OTHER_CONFIGS: readonly (readonly [key: string, words: string])[] = [
  ['peft_type', 'an adapter'],
  ['added_tokens_decoder', 'a tokenizer'],
  ['tokenizer_class', 'a tokenizer'],
  ['image_processor_type', 'an image processor'],
  ['feature_extractor_type', 'a feature extractor'],
  ['_class_name', 'a part of diffusers'],
  ['word_embedding_dimension', 'a step of sentence-transformers'],
  ['_from_model_config', 'the settings of generation'],
  ['n_layers', "Meta's or Mistral's own layout (params.json)"],
]

function architectureOf(config: Config): Architecture {
  const other = config.model_type === undefined && OTHER_CONFIGS.find(([key]) => Object.hasOwn(config, key))
  if (other) throw new UserError(`config.json: is that of ${other[1]}; the config.json of the model is wanted`)
  const [named] = namedIn(config)
  const ofClass = architectures.find(({ classes }) => named !== undefined && classes.includes(named))
  // Files of the first years have no model_type; a class says as much.
  const type = read(config, 'model_type', KIND.word, ofClass?.name)
  // A config that names its class was written by a program, which does not slip.
  const more = named === undefined ? meantType(type) : ` (${named})`
  return findArchitecture(type, `${JSON.stringify(type)} in config.json${more}`)
}

/**
 * The classes that may be meant, the likeliest first: those that config.json names, and all of the architecture where it names none
 * or the one without a head, which says nothing about heads.
 * @param known whether the tensors are known, so that they can decide
 */
function classesOf({ name, classes, bare, named }: Architecture, config: Config, known: boolean): string[] {
  const words = namedIn(config)
  const meant = words.flatMap((word) => classes.filter((each) => each.toLowerCase() === word.toLowerCase()))
  if (words.length && !meant.length) throw cannotRun(`${words.join(', ')} in config.json, of ${name},`, classes)
  if (!known && !meant.length && named)
    throw new UserError(`config.json: architectures must name the class of a ${name}; known: ${classes.join(', ')}`)
  return known && (!meant.length || (meant.length === 1 && meant[0] === bare))
    ? classes
    : meant.length
      ? meant
      : classes
}

/**
 * From config.json alone, that a checkpoint can be run: before gigabytes are downloaded. The image tower of a CLIP is none by
 * itself, and its base completes it.
 * @param reference what the user called it @throws UserError as loadModel, where the tensors cannot change it
 */
export function checkClass(config: Config, reference: string): void {
  if (config.model_type === 'clip_vision_model') return
  const refused = attempt(() => void classesOf(architectureOf(config), config, true))
  if (refused instanceof UserError) throw new UserError(`${reference}: ${refused.message}`, { cause: refused })
}

/** What came of it, or why config.json is refused. */
function attempt<T>(make: () => T): T | UserError {
  try {
    return make()
  } catch (error) {
    if (error instanceof UserError) return error
    throw error
  }
}

/** The model of the class that config.json names, or that the tensors show. @throws UserError as `loadModel` says */
export function makeModel(config: Config, shapes?: Shapes): Model {
  const architecture = architectureOf(config)
  refuseLite(config, architecture.name)
  const spelling = spellingIn(Object.keys(shapes ?? {}), config)
  const holds = shapes && ((name: string) => spelling(name) !== undefined)
  const make = (style: string) => architecture.make({ ...config, architectures: [style] }, holds)
  const styles = classesOf(architecture, config, shapes !== undefined)
  if (!shapes) return make(styles[0]!)
  const made = architecture.classes.map((style) => {
    const model = attempt(() => adoptNames(make(style), spelling))
    return { style, model, wrong: model instanceof UserError ? [model.message] : misfits(model, shapes) }
  })
  // Of those that fit, the one that reads most of the file; a model without its head fits too.
  const size = ({ model }: { model: Model | UserError }) => ('shapes' in model ? Object.keys(model.shapes).length : 0)
  const fitting = made.filter(({ wrong }) => !wrong.length).sort((a, b) => size(b) - size(a))
  const chosen = fitting.find(({ style }) => styles.includes(style))?.model
  if (chosen && 'shapes' in chosen) return chosen
  const { style, model, wrong } = made.find((each) => each.style === styles[0])!
  if (model instanceof UserError) throw model
  const counted = countsOfLabels(config)
  // A tensor of another shape is there, so the file is of no class without it.
  const other = counted
    ? `. ${counted}`
    : fitting.length && wrong.every((words) => words.endsWith(MISSING))
      ? `. They are the tensors of a ${fitting[0]!.style}, and config.json names ${style}, whose other tensors transformers would draw at random: give a checkpoint that has them, or name the other class in architectures`
      : ''
  throw new UserError(`checkpoint does not fit its config.json: ${firstFew(wrong, NAMED, '; ')}${other}`)
}
