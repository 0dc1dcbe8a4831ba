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

/** The class of transformers that the weights belong to: the first entry of `architectures`, `fallback` when there is none. */
export function classOf(config: Config, fallback?: string): string | undefined {
  return (config.architectures as string[] | null | undefined)?.[0] ?? fallback
}

/** Number of classes of a classification head; transformers leaves the default of two unwritten. */
export function labelsOf(config: Config): number {
  const labels = config.id2label as object | undefined
  return countOf(config, 'num_labels', labels ? Object.keys(labels).length : 2)
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
