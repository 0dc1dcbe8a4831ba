// Markdown tables, and those that describe the keys of a schema.
import { z } from 'zod'

type Schema = z.core.JSONSchema.JSONSchema

/** A table with a line for every row. A `|` in a cell is escaped: it would end the cell. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return `${line(head)}|${'---|'.repeat(head.length)}\n${rows.map(line).join('')}`
}

/** A heading and a table for the whole and for every section in it. @param leave keys whose sections are described elsewhere */
export function tablesOf(title: string, schema: z.ZodType, leave: readonly string[] = []): string {
  const sections: string[] = []
  const visit = (heading: string, part: Schema) => {
    const properties = Object.entries(part.properties ?? {}) as [string, Schema][]
    const rows = properties.map(([key, value]) => [
      `\`${key}\``,
      typeOf(value),
      defaultOf(value, part.required?.includes(key)),
      value.description ?? '',
    ])
    sections.push(`${heading}\n\n${markdownTable(['key', 'value', 'default', 'meaning'], rows)}`)
    for (const [key, value] of properties) {
      const inner = leave.includes(key) ? undefined : objectOf(value)
      if (inner) visit(`## \`${key}\``, inner)
    }
  }
  visit(title, z.toJSONSchema(schema, { io: 'input' }))
  return [...new Set(sections)].join('\n')
}

/** The object behind a value: itself, an item of a list, a value by name, or one alternative of a union; undefined for scalars. */
function objectOf(schema: Schema): Schema | undefined {
  if (schema.properties) return schema
  const named = typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []
  const alternatives = [
    ...(schema.anyOf ?? []),
    ...(schema.items ? [schema.items as Schema] : []),
    ...named,
  ] as Schema[]
  return alternatives.map(objectOf).find((found) => found !== undefined)
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum) return schema.enum.map((word) => `\`${String(word)}\``).join(', ')
  if (schema.anyOf) return [...new Set((schema.anyOf as Schema[]).map(typeOf))].join(' or ')
  if (schema.prefixItems) return `[${(schema.prefixItems as Schema[]).map(typeOf).join(', ')}]`
  if (schema.type === 'array') return `list of ${typeOf(schema.items as Schema)}`
  if (schema.type === 'object') return 'section'
  return (
    { integer: 'integer', number: 'number', boolean: 'true or false', string: 'text' }[schema.type as string] ?? 'any'
  )
}

function defaultOf(schema: Schema, required = false): string {
  if (required) return 'required'
  const value = schema.default
  return value === undefined || JSON.stringify(value) === '{}' ? '' : `\`${JSON.stringify(value)}\``
}
