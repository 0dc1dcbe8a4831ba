// Values of a config.json, checked as they are read.
import { UserError } from '../errors/index.js'

export type Config = Record<string, unknown>

/** @throws UserError unless the value (or the fallback) is a positive integer. */
export function countOf(config: Config, key: string, fallback?: unknown): number {
  const value = config[key] ?? fallback
  if (!Number.isInteger(value) || (value as number) < 1) {
    throw new UserError(`config.json: ${key} must be a positive integer, got ${JSON.stringify(config[key])}`)
  }
  return value as number
}

/** @param of what the key belongs to, where that is not clear. @throws UserError unless the value (or the fallback) is a finite number. */
export function numberOf(config: Config, key: string, fallback?: number, of = ''): number {
  const value = config[key] ?? fallback
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new UserError(`config.json: ${key}${of} must be a number, got ${JSON.stringify(config[key])}`)
}

/** The class of transformers that the weights belong to: the first entry of `architectures`, `fallback` when there is none. */
export function classOf(config: Config, fallback?: string): string | undefined {
  return (config.architectures as string[] | null | undefined)?.[0] ?? fallback
}

/** Number of classes of a classification head: the names decide; transformers leaves the default of two unwritten. */
export function labelsOf(config: Config): number {
  const labels = config.id2label as object | null | undefined
  return labels ? countOf({ id2label: Object.keys(labels).length }, 'id2label') : countOf(config, 'num_labels', 2)
}

/** Size of a head. @throws UserError where the heads do not share the width evenly */
export function headDimOf(width: number, heads: number): number {
  if (width % heads) throw new UserError(`config.json: a width of ${width} does not divide into ${heads} attention heads`)
  return width / heads
}

/** @throws UserError for a switch that would change the results and stands elsewhere than where this program knows it. */
export function checkUsual(config: Config, what: string, usual: Config): void {
  for (const [key, value] of Object.entries(usual)) {
    if ((config[key] ?? value) === value) continue
    throw new UserError(`config.json: ${key} ${JSON.stringify(config[key])} is not supported by ${what}; known: ${JSON.stringify(value)}`)
  }
}

/** Whether a head with this configuration classifies or estimates one number. */
export function headObjective(config: Config): 'classes' | 'value' {
  const labels = labelsOf(config)
  const problem = config.problem_type ?? (labels === 1 ? 'regression' : 'single_label_classification')
  if (problem === 'single_label_classification') return 'classes'
  if (problem === 'regression' && labels === 1) return 'value'
  throw new UserError(
    `config.json: problem_type ${JSON.stringify(problem)} with ${labels} labels is not supported; ` +
      'known: single_label_classification, regression with 1 label',
  )
}
