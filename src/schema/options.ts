// Options that people write, in YAML or on the command line: facts for help and docs, and a parser with clear errors.
import { z } from 'zod'
import { UserError, unknown } from '../errors/index.js'

/** A strict zod object, refined or not. */
export type OptionsSchema<O = any> = z.ZodType<O> & {
  /** Schema of each option. */
  shape: Record<string, z.ZodType>
}

export interface OptionFacts {
  name: string
  type: 'number' | 'integer' | 'boolean' | 'string'
  required: boolean
  default?: number | boolean | string | undefined
  minimum?: number | undefined
  maximum?: number | undefined
  choices?: string[] | undefined
  description: string
}

/** A plan asks for the facts of each of its runs, and making them takes longer than all the rest of it. */
const known = new WeakMap<OptionsSchema, readonly OptionFacts[]>()

/** The options of a schema in the order of its file. */
export function factsOf(schema: OptionsSchema): readonly OptionFacts[] {
  const facts = known.get(schema) ?? readFacts(schema)
  known.set(schema, facts)
  return facts
}

function readFacts(schema: OptionsSchema): OptionFacts[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' })
  return Object.entries(properties as Record<string, z.core.JSONSchema.JSONSchema>).map(([name, property]) => ({
    name,
    type: property.type as OptionFacts['type'],
    required: required.includes(name),
    default: property.default as OptionFacts['default'],
    minimum: bound(property.minimum),
    maximum: bound(property.maximum),
    choices: property.enum as string[] | undefined,
    description: property.description ?? '',
  }))
}

/** zod bounds every integer by ±(2^53 - 1); that is no limit worth stating. */
const bound = (limit: number | undefined) =>
  limit === undefined || Math.abs(limit) === Number.MAX_SAFE_INTEGER ? undefined : limit

/** "a number from 0 to 1", "one of mean, normal, uniform". */
export function expectedValue({ type, minimum, maximum, choices }: OptionFacts): string {
  if (choices) return `one of ${choices.join(', ')}`
  if (type === 'boolean') return 'true or false'
  const noun = type === 'integer' ? 'an integer' : `a ${type}`
  if (minimum !== undefined && maximum !== undefined) return `${noun} from ${minimum} to ${maximum}`
  return minimum === undefined ? noun : `${noun} of at least ${minimum}`
}

/**
 * Options as given → parsed, with defaults.
 * @param owner what they are options of, e.g. `dare`
 * @throws UserError naming the option, what was given and what would be right; its path is the option
 */
export function parseWith<O>(schema: OptionsSchema<O>, raw: unknown, owner: string): O {
  const result = schema.safeParse(raw ?? {})
  if (result.success) return result.data
  const facts = factsOf(schema)
  // A misspelt option first; another that is missing is often the same, and is not said then.
  const isUnknown = ({ code }: z.core.$ZodIssue) => code === 'unrecognized_keys'
  const isMissing = ({ path: [name] }: z.core.$ZodIssue) => !Object.hasOwn(raw ?? {}, name ?? '')
  const misspelt = result.error.issues.filter(isUnknown)
  const sorted = misspelt.length
    ? [...misspelt, ...result.error.issues.filter((issue) => !isUnknown(issue) && !isMissing(issue))]
    : result.error.issues
  // A value that is out of its range breaks rules on several options, too: what is wrong with it is said once.
  const issues = sorted.filter((issue, i) => sorted.findIndex((each) => `${pathOf(each)}` === `${pathOf(issue)}`) === i)
  throw new UserError(issues.map((issue) => explain(owner, issue, facts, raw)).join('; '), { path: pathOf(issues[0]!) })
}

/** The option that an issue is about; none where it is about several. */
const pathOf = (issue: z.core.$ZodIssue) =>
  issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : issue.path.slice(0, 1)

function explain(owner: string, issue: z.core.$ZodIssue, facts: readonly OptionFacts[], raw: unknown): string {
  if (issue.code === 'unrecognized_keys')
    return unknown(
      `option of ${owner}`,
      issue.keys[0]!,
      facts.map(({ name }) => name),
    ).message
  const fact = facts.find((option) => option.name === issue.path[0])
  if (!fact) return `options of ${owner}: ${issue.message}; got ${JSON.stringify(raw)}`
  const own = (raw as Record<string, unknown> | undefined)?.[fact.name]
  const given = own ?? fact.default
  if (given === undefined) return `${fact.name} of ${owner} is required: ${expectedValue(fact)}. ${fact.description}`
  const wanted =
    issue.code === 'custom' || issue.code === 'invalid_format' ? issue.message : `must be ${expectedValue(fact)}`
  const value = typeof given === 'number' ? given : JSON.stringify(given)
  return `${fact.name} of ${owner} ${wanted}; got ${own === undefined ? 'the default, ' : ''}${value}`
}

/** A strict object whose unknown keys are answered with the nearest known one. */
export function section<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? unknown('key', (issue as { keys: string[] }).keys[0]!, Object.keys(shape)).message
        : undefined,
  })
}
