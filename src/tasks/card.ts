// The card of a task: a YAML file that names the data, the metric and a version beside them.
import { LineCounter, isNode, parseDocument } from 'yaml'
import { z } from 'zod'
import { UserError, unknown } from '../errors/index.js'
import { METRICS, type MetricName } from './metrics.js'
import { readText } from './text.js'

const Card = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/, 'must be made of letters, digits, _ . and -'),
  version: z.int().min(1),
  description: z.string().min(1),
  /** Checked against METRICS after parsing, for the nearest name. */
  metric: z.string(),
  /** Longest answer generated, in tokens. */
  max_new_tokens: z.int().min(1).max(4096),
  /** JSONL file, relative to the card. */
  data: z.string().min(1),
  /** Names of the two fields in the JSONL lines. */
  prompt_field: z.string().min(1).default('prompt'),
  target_field: z.string().min(1).default('target'),
})
export type Card = z.infer<typeof Card> & { metric: MetricName }

/** Reads and checks a card. UserError with path and line for YAML errors, missing, unknown or wrong entries. */
export function readCard(path: string): Card {
  const lines = new LineCounter()
  const document = parseDocument(readText(path), { lineCounter: lines, prettyErrors: false })
  const at = (offset: number | undefined) => `${path}:${offset === undefined ? 1 : lines.linePos(offset).line}`
  const [broken] = document.errors
  if (broken) throw new UserError(`${at(broken.pos[0])}: ${broken.message}`)

  const lineOf = (key: PropertyKey | undefined) => {
    const node = key === undefined ? null : document.getIn([key], true)
    return at(isNode(node) ? node.range?.[0] : undefined)
  }
  const parsed = Card.safeParse(document.toJS())
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    if (issue.code === 'unrecognized_keys') {
      const [key] = issue.keys
      throw new UserError(`${lineOf(key)}: ${unknown('entry', key, Object.keys(Card.shape)).message}`)
    }
    throw new UserError(`${lineOf(issue.path[0])}: ${issue.path.length ? `${issue.path.join('.')}: ` : ''}${issue.message}`)
  }
  const { metric, ...rest } = parsed.data
  if (!isMetric(metric)) throw new UserError(`${lineOf('metric')}: ${unknown('metric', metric, Object.keys(METRICS)).message}`)
  return { ...rest, metric }
}

export const isMetric = (name: string): name is MetricName => Object.hasOwn(METRICS, name)
