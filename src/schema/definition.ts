// What a person defines in code (an editor, a merger, a task): checked before anything uses it, since plain JavaScript is not.
import { z } from 'zod'
import { UserError, unknown } from '../errors/index.js'
import { showValue } from './issues.js'
import { factsOf, type OptionsSchema } from './options.js'

export interface DefinitionRules {
  /** Members that must be functions. */
  functions: readonly string[]
  /** All members that a definition may have. */
  members: readonly string[]
  /** Members that are strict zod objects of options. */
  schemas: readonly string[]
}

/** The names of the options of a schema. */
export const optionNames = (schema: OptionsSchema): string[] => Object.keys(schema.shape)

/**
 * @param kind `editor`, `merger`: what the errors call it
 * @throws UserError for a definition that is no object, has no name in lower_snake, a member that does not exist, lacks a function, or
 * has options that are no strict zod object or can not be written on a command line
 */
export function checkDefinition(kind: string, given: unknown, { functions, members, schemas }: DefinitionRules): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new UserError(`${kind} must be an object with a name, options and ${functions[0]}; got ${showValue(given)}`)
  const definition = given as Record<string, unknown>
  const { name } = definition
  if (typeof name !== 'string' || !/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name))
    throw new UserError(`name of ${kind} must be lower_snake text, like "my_${kind}"; got ${showValue(name)}`)
  const where = `${kind} ${name}`
  const extra = Object.keys(definition).find((key) => !members.includes(key))
  if (extra !== undefined) throw unknown(`member of ${where}`, extra, members)
  for (const member of functions)
    if (typeof definition[member] !== 'function')
      throw new UserError(`${where}: ${member} must be a function; got ${showValue(definition[member])}`)
  for (const text of ['title', 'cite'])
    if (definition[text] !== undefined && typeof definition[text] !== 'string')
      throw new UserError(`${where}: ${text} must be text; got ${showValue(definition[text])}`)
  for (const member of schemas) checkSchema(`${member} of ${where}`, definition[member])
}

function checkSchema(where: string, schema: unknown): void {
  if (!isStrictObject(schema)) throw new UserError(`${where} must be a strict zod object: z.strictObject({ … })`)
  const found = findUnwritable(schema)
  if (found)
    throw new UserError(
      `${where}: ${found.name} must be a number, true or false, or text (z.enum for one of several words)`,
      { cause: found.cause },
    )
}

const WRITABLE_TYPES: readonly unknown[] = ['number', 'integer', 'boolean', 'string']

/** An option that cannot be written on a command line. */
function findUnwritable(schema: OptionsSchema): { name: string; cause?: unknown } | undefined {
  const names = optionNames(schema).filter((name) => !isPlain(schema.shape[name]))
  if (names.length === 0) return undefined
  try {
    const types = new Map(factsOf(schema).map(({ name, type }) => [name, type]))
    const name = names.find((each) => !WRITABLE_TYPES.includes(types.get(each)))
    return name === undefined ? undefined : { name }
  } catch (cause) {
    // zod names no option where a schema has no JSON form; the option that has none by itself is the one.
    const name = names.find((each) => hasNoJsonForm(schema.shape[each]))
    return name === undefined ? undefined : { name, cause }
  }
}

interface Described {
  _zod: { def: { type: string; innerType?: Described; entries?: Record<string, unknown> } }
}

/** Whether an option is clearly one that can be written: this is quick to see, and the JSON form of a whole schema is not quick. */
function isPlain(option: unknown): boolean {
  const { type, innerType, entries = {} } = (option as Described)._zod.def
  if (type === 'optional' || type === 'default') return isPlain(innerType)
  return (
    ['number', 'boolean', 'string'].includes(type) ||
    (type === 'enum' && Object.values(entries).every((word) => typeof word === 'string'))
  )
}

function hasNoJsonForm(schema: unknown): boolean {
  try {
    z.toJSONSchema(schema as z.ZodType, { io: 'input' })
    return false
  } catch {
    return true
  }
}

/** Whether it is a zod object that refuses keys it does not know. */
function isStrictObject(schema: unknown): schema is OptionsSchema {
  const def = (schema as { _zod?: { def?: { type?: string; catchall?: { _zod?: { def?: { type?: string } } } } } })
    ?._zod?.def
  return def?.type === 'object' && def.catchall?._zod?.def?.type === 'never'
}
