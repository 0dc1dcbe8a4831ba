// JSON Schema of YAML files, with which text editors complete, explain and check what people write. It says no where deltalab says
// no for sure, and never where deltalab says yes.
import { z } from 'zod'
import { isObject } from './input.js'
import type { OptionsSchema } from './options.js'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** The form that a schema reads. What has no JSON form may be anything. */
export const jsonSchemaOf = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' })

/** An editor, as far as its options go. */
export interface NamedOptions {
  name: string
  title?: string
  options: OptionsSchema
}

/** The options of a schema with their JSON Schemas, and the names of those that must be given. */
export function optionsIn(schema: OptionsSchema): { properties: Record<string, JsonSchema>; required: string[] } {
  const { properties = {}, required = [] } = jsonSchemaOf(schema)
  return { properties: properties as Record<string, JsonSchema>, required }
}

/** A value, or a list of such values. */
export const oneOrMany = (schema: JsonSchema): JsonSchema => {
  const { description, default: usual, ...value } = schema
  return {
    ...(description !== undefined && { description }),
    ...(usual !== undefined && { default: usual }),
    anyOf: [value, { type: 'array', items: value, minItems: 1 }],
  }
}

/** A name of a list, each with its title; any other may be that of a plugin. */
export const nameIn = (named: readonly { name: string; title?: string }[], description: string): JsonSchema => ({
  description,
  anyOf: [
    ...named.map(({ name, title }) => ({ const: name, ...(title && { description: title }) })),
    { type: 'string' },
  ],
})

/** What holds where a key has a value. */
export const whereKey = (key: string, value: string, then: JsonSchema): JsonSchema => ({
  if: { properties: { [key]: { const: value } }, required: [key] },
  then,
})

/** A step of a chain, or an editor before a merge. @param form of the value of an option */
export const editorStep = (editors: readonly NamedOptions[], form: (option: JsonSchema) => JsonSchema): JsonSchema => ({
  type: 'object',
  properties: { editor: nameIn(editors, 'Name of an editor (see `deltalab editors`).') },
  required: ['editor'],
  allOf: optionsByEditor(editors, ['editor'], form),
})

/** The options of an editor, where it is the one that is named. @param keys those that are no options */
export const optionsByEditor = (
  editors: readonly NamedOptions[],
  keys: readonly string[],
  form: (option: JsonSchema) => JsonSchema,
): JsonSchema[] =>
  editors.map(({ name, options }) => {
    const { properties, required } = optionsIn(options)
    return whereKey('editor', name, closed(keys, mapValues(properties, form), required))
  })

/** An object that has these keys, which are described elsewhere, and these options, and no others. */
export const closed = (
  keys: readonly string[],
  options: Record<string, JsonSchema>,
  required: readonly string[],
): JsonSchema => ({
  properties: { ...Object.fromEntries(keys.map((key) => [key, true as unknown as JsonSchema])), ...options },
  ...(required.length && { required: [...required] }),
  additionalProperties: false,
})

/** A schema that completes and explains as another one does, and refuses nothing. */
export function lenient(schema: unknown): JsonSchema {
  if (Array.isArray(schema)) return schema.map(lenient) as unknown as JsonSchema
  if (!isObject(schema)) return schema as JsonSchema
  const { description, default: usual, properties, items, anyOf, oneOf } = schema as JsonSchema
  const choices = (anyOf ?? oneOf)?.map(lenient)
  return {
    ...(description !== undefined && { description }),
    ...(usual !== undefined && { default: usual }),
    ...(properties && { properties: mapValues(properties, lenient) }),
    ...(items !== undefined && { items: lenient(items) }),
    ...(choices && { anyOf: [...choices, {}] }),
  }
}

/** The same keys, each with what is made of its value. */
export const mapValues = <T, R>(record: Readonly<Record<string, T>>, make: (value: T) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, make(value)]))
