// What zod finds wrong with a value, in plain words: what would be right, and what was given.
import type { z } from 'zod'

interface Issue {
  code?: string
  path: PropertyKey[]
  message: string
  keys?: string[]
  errors?: Issue[][]
}

const KINDS: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
}

/** A value as errors show it, in at most 60 characters. */
export function showValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function wantedBy(issue: z.core.$ZodRawIssue): string | undefined {
  const { code, input } = issue
  if (code === 'invalid_type')
    return typeof input === 'number' && !Number.isFinite(input) ? 'a finite number' : KINDS[issue.expected as string]
  if (code === 'invalid_value')
    return issue.values.length === 1 ? showValue(issue.values[0]) : `one of ${issue.values.join(', ')}`
  if (code !== 'too_small' && code !== 'too_big') return undefined
  const [limit, least] = code === 'too_small' ? [issue.minimum, true] : [issue.maximum, false]
  if (issue.origin === 'string')
    return least
      ? limit === 1
        ? 'text that is not empty'
        : `text of at least ${limit} characters`
      : `text of at most ${limit} characters`
  if (issue.origin === 'array')
    return `a list of ${least ? 'at least' : 'at most'} ${limit} ${limit === 1 ? 'entry' : 'entries'}`
  return issue.inclusive ? `${least ? 'at least' : 'at most'} ${limit}` : `${least ? 'above' : 'below'} ${limit}`
}

/** zod's `error` of a parse: `must be a number; got "x"`, or `is required: a number`. Schemas with words of their own keep them. */
export const sayIssue: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    const { discriminator, options = [] } = issue as { discriminator: string; options?: unknown[] }
    const given = (issue.input as Record<string, unknown>)[discriminator]
    return given === undefined
      ? `is required: one of ${options.join(', ')}`
      : `must be one of ${options.join(', ')}; got ${showValue(given)}`
  }
  const wanted = wantedBy(issue)
  if (wanted === undefined) return undefined
  return issue.input === undefined ? `is required: ${wanted}` : `must be ${wanted}; got ${showValue(issue.input)}`
}

/**
 * The most helpful issue of a parse: a misspelt key first, since it is often also the one that is missing; inside a union, the issue
 * of the alternative that matched furthest.
 */
export function firstIssue(issues: readonly Issue[]): { path: PropertyKey[]; message: string } {
  return explain(issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!)
}

function explain(issue: Issue): { path: PropertyKey[]; message: string } {
  if (issue.code === 'unrecognized_keys') return { path: [...issue.path, issue.keys![0]!], message: issue.message }
  if (issue.code !== 'invalid_union' || !issue.errors?.length) return issue
  const inner = issue.errors.map((list) =>
    firstIssue(list.map((each) => ({ ...each, path: [...issue.path, ...each.path] }))),
  )
  const furthest = inner.reduce((best, each) => (isFurther(each.path, best.path) ? each : best))
  return furthest.path.length > issue.path.length
    ? furthest
    : { path: issue.path, message: joined(inner.map(({ message }) => message)) }
}

function isFurther(path: PropertyKey[], than: PropertyKey[]): boolean {
  return path.length === than.length ? Number(path.at(-1)) > Number(than.at(-1)) : path.length > than.length
}

/** `must be a number; got x`, `must be a list; got x` → `must be a number or a list; got x`. */
function joined(messages: readonly string[]): string {
  const parts = messages.map((message) => /^(must be|is required:) (.*?)(; got .*)?$/s.exec(message))
  if (!parts.every((part) => part !== null)) return [...new Set(messages)].join(', or: ')
  const wanted = [...new Set(parts.map(([, , each]) => each))]
  const list = wanted.length > 1 ? `${wanted.slice(0, -1).join(', ')} or ${wanted.at(-1)}` : wanted[0]
  return `${parts[0]![1]} ${list}${parts[0]![3] ?? ''}`
}
