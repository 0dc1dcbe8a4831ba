// An editor's options: facts for help and docs, and the parse that turns what a person wrote into them.
import { z } from 'zod'
import { UserError, unknown } from '../errors/index.js'
import type { Editor } from './editor.js'

export interface OptionFacts {
  name: string
  type: 'number' | 'integer' | 'boolean' | 'string'
  required: boolean
  default?: number | boolean | string
  minimum?: number
  maximum?: number
  choices?: string[]
  description: string
}

/** The options of an editor in the order of its file. */
export function describeOptions(editor: Editor): OptionFacts[] {
  const { properties = {}, required = [] } = z.toJSONSchema(editor.options, { io: 'input' })
  return Object.entries(properties as Record<string, z.core.JSONSchema.JSONSchema>).map(([name, schema]) => ({
    name,
    type: schema.type as OptionFacts['type'],
    required: required.includes(name),
    default: schema.default as OptionFacts['default'],
    minimum: bound(schema.minimum),
    maximum: bound(schema.maximum),
    choices: schema.enum as string[] | undefined,
    description: schema.description ?? '',
  }))
}

/** zod bounds integers by ±(2^53 - 1), which says nothing. */
const bound = (limit: number | undefined) => (limit === undefined || Math.abs(limit) === Number.MAX_SAFE_INTEGER ? undefined : limit)

/** "a number from 0 to 1", "one of mean, normal, uniform". */
export function expectedValue({ type, minimum, maximum, choices }: OptionFacts): string {
  if (choices) return `one of ${choices.join(', ')}`
  if (type === 'boolean') return 'true or false'
  const noun = type === 'integer' ? 'an integer' : `a ${type}`
  if (minimum !== undefined && maximum !== undefined) return `${noun} from ${minimum} to ${maximum}`
  return minimum === undefined ? noun : `${noun} of at least ${minimum}`
}

/**
 * Options as given (in YAML or on the command line) → parsed, with defaults.
 * @param where what the error starts with, e.g. `sweep.yaml:12`
 * @throws UserError naming the option, what was given and what would be right.
 */
export function parseOptions<O>(editor: Editor<O>, raw: unknown, where = ''): O {
  const result = editor.options.safeParse(raw ?? {})
  if (result.success) return result.data
  const facts = describeOptions(editor)
  const text = result.error.issues.map((issue) => explain(editor.name, issue, facts, raw)).join('; ')
  throw new UserError(where ? `${where}: ${text}` : text)
}

function explain(editor: string, issue: z.core.$ZodIssue, facts: OptionFacts[], raw: unknown): string {
  if (issue.code === 'unrecognized_keys') {
    return unknown(`option of ${editor}`, issue.keys[0], facts.map(({ name }) => name)).message
  }
  const name = issue.path[0]
  const fact = facts.find((option) => option.name === name)
  if (!fact) return `options of ${editor}: ${issue.message}; got ${JSON.stringify(raw)}`
  const given = (raw as Record<string, unknown>)[fact.name]
  if (given === undefined) return `${fact.name} of ${editor} is required: ${expectedValue(fact)}. ${fact.description}`
  const wanted = issue.code === 'custom' ? issue.message : `must be ${expectedValue(fact)}`
  return `${fact.name} of ${editor} ${wanted}; got ${JSON.stringify(given)}`
}
