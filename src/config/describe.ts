// The keys of an experiment's YAML file as Markdown, from the sentences of the schema: docs/config.md.
import { z } from 'zod'
import { experimentSchema } from './schema.js'

type Schema = z.core.JSONSchema.JSONSchema

/** A heading and a table for the experiment and for every section in it. */
export function describeConfig(): string {
  const root = z.toJSONSchema(experimentSchema, { io: 'input' })
  const sections: string[] = []
  const visit = (title: string, schema: Schema) => {
    const properties = Object.entries(schema.properties ?? {}) as [string, Schema][]
    const rows = properties.map(
      ([key, value]) =>
        `| \`${key}\` | ${typeOf(value)} | ${defaultOf(value, schema.required?.includes(key))} | ${value.description ?? ''} |`,
    )
    sections.push(`${title}\n\n| key | value | default | |\n|---|---|---|---|\n${rows.join('\n')}\n`)
    for (const [key, value] of properties) {
      const inner = key === 'chain' ? undefined : objectOf(value)
      if (inner) visit(`## \`${key}\``, inner)
    }
  }
  visit('## Experiment', root)
  return sections.filter((section, index) => sections.indexOf(section) === index).join('\n')
}

/** The object behind a value: itself, an item of a list, or one alternative of a union; undefined for scalars. */
function objectOf(schema: Schema): Schema | undefined {
  if (schema.properties) return schema
  const alternatives = [...(schema.anyOf ?? []), ...(schema.items ? [schema.items as Schema] : [])] as Schema[]
  return alternatives.map(objectOf).find((found) => found !== undefined)
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum) return schema.enum.map((word) => `\`${String(word)}\``).join(', ')
  if (schema.anyOf) return [...new Set((schema.anyOf as Schema[]).map(typeOf))].join(' or ')
  if (schema.type === 'array') return `list of ${typeOf(schema.items as Schema)}`
  if (schema.type === 'object') return 'section'
  return { integer: 'integer', number: 'number', boolean: 'true or false', string: 'text' }[schema.type as string] ?? 'any'
}

function defaultOf(schema: Schema, required = false): string {
  if (required) return 'required'
  const value = schema.default
  return value === undefined || JSON.stringify(value) === '{}' ? '' : `\`${JSON.stringify(value)}\``
}
