// A YAML file parsed against a schema; whatever is wrong in it is said with path, line and column.
import { readFile } from 'node:fs/promises'
import { LineCounter, parseDocument, visit, type Document } from 'yaml'
import type { z } from 'zod'
import { UserError } from '../errors/index.js'

type Path = readonly PropertyKey[]

export interface Located<T> {
  value: T
  text: string
  /** An error about the value at a path of the document: `file:line:column: editors[0].drop_rate: …`. */
  errorAt(path: Path, message: string): UserError
}

/** Reads and checks a YAML file. @throws UserError with `file:line:column`, for the first thing that is wrong */
export async function readLocated<T>(file: string, schema: z.ZodType<T>): Promise<Located<T>> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(cause.code === 'ENOENT' ? `${file}: no such file` : `${file}: cannot be read (${cause.code})`, { cause })
  })
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const errorIn = (offset: number, message: string) => {
    const { line, col } = lines.linePos(offset)
    return new UserError(`${file}:${line}:${col}: ${message}`)
  }
  const broken = document.errors[0]
  if (broken) throw errorIn(broken.pos[0], broken.code === 'MULTIPLE_DOCS' ? 'a second document begins here; one is wanted' : broken.message)
  if (document.contents === null) throw new UserError(`${file}: nothing is in it`)
  const errorAt = (path: Path, message: string) =>
    errorIn(offsetOf(document, path), `${path.length ? `${printPath(path)}: ` : ''}${message}`)
  const result = schema.safeParse(plain(document, errorIn))
  if (result.success) return { value: result.data, text, errorAt }
  // A misspelt key is also a missing one: the spelling helps.
  const { issues } = result.error
  const { path, message } = firstIssue(issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0])
  throw errorAt(path, message)
}

/** The document as values. Aliases without an anchor, or so many that they fill the memory, show only here. */
function plain(document: Document.Parsed, errorIn: (offset: number, message: string) => UserError): unknown {
  try {
    return document.toJS()
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

interface Issue {
  code?: string
  path: PropertyKey[]
  message: string
  keys?: string[]
  errors?: Issue[][]
}

/** The issue that helps: inside a union, that of the alternative which got furthest. */
function firstIssue(issue: Issue): { path: PropertyKey[]; message: string } {
  if (issue.code === 'unrecognized_keys') return { path: [...issue.path, issue.keys![0]], message: issue.message }
  if (issue.code !== 'invalid_union' || !issue.errors?.length) return issue
  const inner = issue.errors.flat().map((each) => firstIssue({ ...each, path: [...issue.path, ...each.path] }))
  const deepest = inner.reduce((best, each) => (each.path.length > best.path.length ? each : best), inner[0])
  return deepest.path.length > issue.path.length ? deepest : { path: issue.path, message: inner.map((each) => each.message).join(', or: ') }
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
  const pair = items.find((item) => (item as { key?: { value?: unknown } }).key?.value === last) as { key: { range: number[] } } | undefined
  return pair?.key.range[0]
}

/** `editors[0].drop_rate` */
function printPath(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${String(part)}`)).join('')
}
