// Values of a config.json, checked for type and range as they are read. A key that is absent or null has its fallback.
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { checkValue } from '../schema/index.js'

export type Config = Record<string, unknown>

/** The bounds first: of 1e308 they say more than that it is beyond 2^53. */
const whole = (least: number, most: number) => z.number().min(least).max(most).int()

/** What a config.json means by a number. A size is one that a tensor's side can have. */
export const KIND = {
  size: whole(1, 2 ** 31 - 1),
  /** Layers, heads and the width of a head: each of them costs time and memory before a weight is read. */
  few: whole(1, 2 ** 14),
  /** An id of a vocabulary, or a number of layers that may be none. */
  index: whole(0, 2 ** 31 - 1),
  /** What is added to a variance before it divides. */
  epsilon: z.number().min(0).max(1),
  number: z.number(),
  positive: z.number().positive(),
  atLeastOne: z.number().min(1),
  /** More than 0 and at most 1. */
  share: z.number().positive().max(1),
  word: z.string().min(1),
  section: z.record(z.string(), z.unknown()),
}

/** @throws UserError naming the key where the value (or the fallback) is not of this kind */
export function read<T>(config: Config, key: string, kind: z.ZodType<T>, fallback?: T): T {
  return checkValue(z.object({ [key]: kind }), { [key]: config[key] ?? fallback }, 'config.json')[key] as T
}

/** A tensor's side. */
export const countOf = (config: Config, key: string, fallback?: number): number =>
  read(config, key, KIND.size, fallback)

export const fewOf = (config: Config, key: string, fallback?: number): number => read(config, key, KIND.few, fallback)

export const epsilonOf = (config: Config, key: string, fallback: number): number =>
  read(config, key, KIND.epsilon, fallback)

export const isSet = (config: Config, key: string, fallback: boolean): boolean =>
  read(config, key, z.boolean(), fallback)

/** Whether the key is there and not null. */
export const isGiven = (config: Config, key: string): boolean => (config[key] ?? null) !== null

/** A section of the config. */
export const sectionOf = (config: Config, key: string): Config | undefined => read(config, key, KIND.section.optional())

/** The class of transformers that the weights belong to: the first entry of `architectures`, `fallback` when there is none. */
export function classOf(config: Config, fallback?: string): string | undefined {
  return read(config, 'architectures', z.array(KIND.word), [])[0] ?? fallback
}

/** Number of classes of a classification head: the names decide; transformers leaves the default of two unwritten. */
export function labelsOf(config: Config): number {
  const labels = read(config, 'id2label', z.record(z.string(), z.union([z.string(), z.number()])).optional())
  return labels ? countOf({ id2label: Object.keys(labels).length }, 'id2label') : countOf(config, 'num_labels', 2)
}

/** Size of a head. @throws UserError where the heads do not share the width evenly */
export function headDimOf(width: number, heads: number): number {
  if (width % heads)
    throw new UserError(`config.json: a width of ${width} does not divide into ${heads} attention heads`)
  return width / heads
}

/** @throws UserError for a switch that would change the results and stands elsewhere than where this program knows it. */
export function checkUsual(config: Config, what: string, usual: Config): void {
  for (const [key, value] of Object.entries(usual)) {
    if ((config[key] ?? value) === value) continue
    throw new UserError(
      `config.json: ${key} ${JSON.stringify(config[key])} is not supported by ${what}; known: ${JSON.stringify(value)}`,
    )
  }
}

/** Whether a head with this configuration classifies or estimates one number. */
export function headObjective(config: Config): 'classes' | 'value' {
  const labels = labelsOf(config)
  const problem = read(config, 'problem_type', KIND.word, labels === 1 ? 'regression' : 'single_label_classification')
  if (problem === 'single_label_classification') return 'classes'
  if (problem === 'regression' && labels === 1) return 'value'
  throw new UserError(
    `config.json: problem_type ${JSON.stringify(problem)} with ${labels} labels is not supported; ` +
      'known: single_label_classification, regression with 1 label',
  )
}
