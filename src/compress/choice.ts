// How a tensor is asked to be stored: a codec, its options, and what edits the delta before.
import { type CodedTensor, codecOptions, type LossyCodec, lossyCodec, lossyCodecs } from '../codecs/index.js'
import { checkSteps } from '../edit/index.js'
import { describeOptions, parseOptions, type Step } from '../editors/index.js'
import { findNamed, UserError } from '../errors/index.js'
import { BUILT_IN, type Registry } from '../registry/index.js'
import { expectedValue, factsOf, optionNames } from '../schema/index.js'

/** A codec with its options, as plain data: what the file of a tensor is asked to be. */
export interface CodecChoice {
  /** `lossless`, `raw`, or one of those that keep less than all of the delta. */
  codec: string
  /**
   * Options of the codec, and of the editor whose result it stores, under their own names. For a codec that stores the result of any
   * editor, `editor` names one.
   */
  options?: Readonly<Record<string, unknown>> | undefined
}

/** A choice that was looked at. */
export interface ParsedChoice {
  /** Null for lossless and raw. */
  codec: LossyCodec | null
  name: string
  options: Record<string, unknown>
  steps: readonly Step[]
  seed: number
}

const EXACT = [{ name: 'lossless' }, { name: 'raw' }]

/** The codecs by name. */
export const codecNames: readonly string[] = [...EXACT, ...lossyCodecs].map(({ name }) => name)

/**
 * @param steps edit the delta, in place of the editor that the options name
 * @throws UserError for unknown codecs, editors and options, values out of range, and editors whose result the codec does not store
 */
export function parseChoice(
  { codec: name, options = {} }: CodecChoice,
  { steps, seed = 0, registry = BUILT_IN }: { steps?: readonly Step[]; seed?: number; registry?: Registry } = {},
): ParsedChoice {
  if (EXACT.some((each) => each.name === name)) {
    const [given] = Object.keys(options)
    if (given !== undefined) throw new UserError(`codec ${name} has no options; got ${given}`)
    if (steps?.length) throw new UserError(`codec ${name} stores tensors as they are; no editor goes with it`)
    return { codec: null, name, options: {}, steps: [], seed }
  }
  findNamed('codec', name, [...EXACT, ...lossyCodecs])
  const codec = lossyCodec(name)
  if (name === 'seeds')
    throw new UserError('codec seeds stores what deltalab zeroth wrote: give that file as the model')
  const own = optionNames(codec.options)
  const isOwn = ([key]: [string, unknown]): boolean => own.includes(key)
  const entries = Object.entries(options)
  const rest = Object.fromEntries(entries.filter((entry) => !isOwn(entry)))
  const shared = Object.fromEntries(entries.filter((entry) => isOwn(entry) && !CODEC_ONLY.includes(entry[0])))
  const chain = steps?.length ? [...steps] : stepsOf(codec, { ...shared, ...rest }, registry)
  checkSteps(chain)
  checkEditors(codec, chain)
  // What both have is said once: to the editor.
  const edited = codec.editor === null ? {} : Object.fromEntries(Object.entries(chain[0]!.options).filter(isOwn))
  const stored = Object.fromEntries(
    entries
      .filter(([key]) => CODEC_ONLY.includes(key))
      .map(([key, value]) => [key, key === 'values' ? storedFormat(codec, value) : value]),
  )
  const parsed = codecOptions(codec, { ...OF_TENSORS[name], ...edited, ...stored })
  return { codec, name, options: parsed, steps: chain, seed }
}

/** Options that codecs have and editors have not. */
const CODEC_ONLY = ['values', 'restore']

/** The words of delta files for the formats of numbers, by those of all else. */
const SHORT: Readonly<Record<string, string>> = { float32: 'f32', bfloat16: 'bf16', float16: 'f16' }
const LONG = Object.fromEntries(Object.entries(SHORT).map(([long, short]) => [short, long]))

/** The word of delta files for a format, given as either. @throws UserError for one that the codec has not */
function storedFormat({ name, options }: LossyCodec, values: unknown): unknown {
  const word = SHORT[String(values)] ?? values
  const fact = factsOf(options).find((each) => each.name === 'values')
  if (!fact?.choices || fact.choices.includes(word as string)) return word
  const choices = fact.choices.map((choice) => LONG[choice] ?? choice)
  throw new UserError(`values of ${name} must be ${expectedValue({ ...fact, choices })}; got ${JSON.stringify(values)}`)
}

/** Options that each tensor has its own of, until it is known. */
const OF_TENSORS: Record<string, Record<string, unknown> | undefined> = {
  low_rank: { rank: 0 },
  drawn: { seed: 0, tensor: '' },
}

/** The options of the codec for a tensor: a rank may be given as a part of it, and a mask is keyed by its name. */
export function optionsFor(
  { name, options, steps, seed }: ParsedChoice,
  { shape, name: tensor }: CodedTensor & { name: string },
): Record<string, unknown> {
  if (name === 'drawn') return { ...options, seed, tensor }
  if (name !== 'low_rank') return options
  const { rank, fraction = 0 } = steps[0]!.options as { rank?: number; fraction?: number }
  const full = Math.min(...shape.slice(-2))
  return { ...options, rank: rank === undefined ? Math.trunc(fraction * full) : Math.min(rank, full) }
}

/** The editor that the options name, with those that are its own. */
function stepsOf(
  codec: LossyCodec,
  { editor: named, ...options }: Record<string, unknown>,
  registry: Registry,
): Step[] {
  const fixed = codec.editor
  if (named !== undefined && typeof named !== 'string') throw new UserError(`editor of ${codec.name} must be a name`)
  const name = named ?? fixed ?? (Object.keys(options).length ? 'magnitude' : undefined)
  if (name === undefined) return []
  const editor = registry.editor(name)
  const known = describeOptions(editor).map((fact) => fact.name)
  const stray = Object.keys(options).find((key) => !known.includes(key))
  if (stray !== undefined)
    throw new UserError(
      `codec ${codec.name} with ${name} has no option ${stray}; it has ${[...optionNames(codec.options), ...known].join(', ')}`,
    )
  return [{ editor, options: parseOptions(editor, options) }]
}

/** A codec that stores the result of one editor stores no other's. */
function checkEditors({ name, editor }: LossyCodec, steps: readonly Step[]): void {
  if (editor === null) return
  if (steps.length !== 1 || steps[0]!.editor.name !== editor)
    throw new UserError(
      `codec ${name} stores what ${editor} makes; got ${steps.map((step) => step.editor.name).join(' and ')}: the codecs dense, bitmask and index store the result of any editor`,
    )
  const { energy, quantiser = 'nearest' } = steps[0]!.options as Record<string, unknown>
  if (name === 'low_rank' && energy !== undefined)
    throw new UserError(
      'codec low_rank takes rank or fraction: by energy each tensor has a rank of its own, which is known too late',
    )
  if (name === 'bands' && quantiser !== 'nearest')
    throw new UserError(
      'codec bands rounds to nearest: GPTQ needs what layers are fed, and its groups follow no order that is stored; the codec dense stores the result of deltalab edit',
    )
  const { k = 0 } = steps[0]!.options as Record<string, unknown>
  if (name === 'drawn' && k !== 0)
    throw new UserError(
      'codec drawn stores the entries that dare keeps, and with k the others are not zero; the codec dense stores its result',
    )
  const { blocks = 1, magnitudes = 'mean', passes = 1 } = steps[0]!.options as Record<string, unknown>
  if (name === 'sign' && (blocks !== 1 || magnitudes !== 'mean' || passes !== 1))
    throw new UserError(
      'codec sign stores one sign and one magnitude: blocks and passes of bitdelta must be 1, and magnitudes mean; the codec dense stores their result',
    )
}
