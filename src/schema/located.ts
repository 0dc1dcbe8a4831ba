// A YAML file parsed against a schema; whatever is wrong in it is said with path, line and column.
import { type Document, LineCounter, parseDocument, visit, type YAMLParseError } from 'yaml'
import type { z } from 'zod'
import { UserError } from '../errors/index.js'
import { readText } from './input.js'
import { firstIssue, sayIssue } from './issues.js'
import { valuesOf } from './yaml.js'

type Path = readonly PropertyKey[]

export interface Located<T> {
  value: T
  text: string
  /** An error about the value at a path of the document: `file:line:column: editors[0].drop_rate: …`. */
  errorAt(path: Path, message: string): UserError
}

/** Reads and checks a YAML file. @throws UserError with `file:line:column`, for the first thing that is wrong */
export async function readYaml<T>(file: string, schema: z.ZodType<T>): Promise<Located<T>> {
  const text = readText(file)
  const lines = new LineCounter()
  // Merge keys (`<<: *anchor`) are YAML 1.1, which PyYAML and so mergekit read.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
  const errorIn = (offset: number, message: string) => {
    const { line, col } = lines.linePos(offset)
    return new UserError(`${file}:${line}:${col}: ${message}`)
  }
  const broken = document.errors[0]
  if (broken) throw errorIn(broken.pos[0], wordsOf(broken, text))
  if (document.contents === null) throw new UserError(`${file}: nothing is in it`)
  const errorAt = (path: Path, message: string) =>
    errorIn(offsetOf(document, path), `${path.length ? `${printPath(path)}: ` : ''}${message}`)
  const result = schema.safeParse(plain(document, errorIn), { error: sayIssue })
  if (result.success) return { value: result.data, text, errorAt }
  const { path, message } = firstIssue(result.error.issues)
  throw errorAt(path, message)
}

function wordsOf({ code, message, pos: [at] }: YAMLParseError, text: string): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here; one is wanted'
  if (code === 'DUPLICATE_KEY') return `the key ${/[^:\n]*/.exec(text.slice(at))![0].trim()} is there twice`
  return message.replace(/\s+/g, ' ')
}

/** The document as values. Aliases without an anchor, or so many that they fill the memory, show only here. */
function plain(document: Document.Parsed, errorIn: (offset: number, message: string) => UserError): unknown {
  try {
    return valuesOf(document)
  } catch (cause) {
    let offset = 0
    visit(document, {
      Alias(_, node) {
        if (node.resolve(document)) return undefined
        offset = node.range![0]
        return visit.BREAK
      },
    })
    throw errorIn(offset, (cause as Error).message)
  }
}

/** Offset in the text of the value at a path, or of the nearest thing around it that is there. */
function offsetOf(document: Document.Parsed, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const key = keyNode(document, path.slice(0, length))
    if (key !== undefined) return key
  }
  return document.contents?.range?.[0] ?? 0
}

function keyNode(document: Document.Parsed, path: Path): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const last = path.at(-1)
  const items = (parent as { items?: unknown[] } | null)?.items
  if (!items) return undefined
  if (typeof last === 'number') return (items[last] as { range?: number[] } | undefined)?.range?.[0]
  const pair = items.find((item) => (item as { key?: { value?: unknown } }).key?.value === last) as
    | { key: { range: number[] } }
    | undefined
  return pair?.key.range[0]
}

/** `editors[0].drop_rate` */
function printPath(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${String(part)}`)).join('')
}
