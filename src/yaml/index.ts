// The one reader of YAML: a document checked against a schema. Errors about it carry a path of keys; here, and nowhere else, the
// path becomes `file:line:column`.
import { basename } from 'node:path'
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  stringify,
  visit,
  type YAMLError,
} from 'yaml'
import type { z } from 'zod'
import { type Path, UserError } from '../errors/index.js'
import { firstIssue, readText, sayIssue } from '../schema/index.js'
import { otherKind } from './kinds.js'
import { type Override, override, overrideAt } from './overrides.js'
import { PYYAML } from './pyyaml.js'

export { HARNESS_KEYS } from './kinds.js'
export { type Override, readOverride } from './overrides.js'

/** A checked value, with the places of its parts in the document that it comes from. */
export interface Located<T> {
  value: T
  /** The document without the line that names its schema for text editors, which would be wrong in a copy; with overrides, what it becomes. */
  text: string
  /**
   * Runs `work`, which checks or uses the value further. An error with a path (from the top of the document) gets its place:
   * `file:line:column: editors[0].drop_rate: …`. Other errors pass. Work that is asynchronous may fail later.
   */
  locate<W>(work: () => W): W
}

/** @internal How a document is read. */
export interface YamlRules {
  /** Called with the document before its values are taken. */
  amend?: ((document: Document.Parsed) => void) | undefined
  /** Whether to read it as PyYAML does: YAML 1.1, and of a key that is there twice the last. */
  python?: ((document: Document.Parsed) => boolean) | undefined
  /** Called with such a key. */
  onTwice?: ((key: string) => void) | undefined
  /** Values that take the place of the document's own. */
  overrides?: readonly Override[] | undefined
}

/** @internal Reads and checks a YAML file. @throws UserError with `file:line:column`, for the first thing that is wrong */
export const readYaml = <T>(file: string, schema: z.ZodType<T>, rules?: YamlRules): Located<T> =>
  parseYaml(readText(file), file, schema, rules)

/** @internal As `readYaml`, of a text; `file` is what errors name. */
export function parseYaml<T>(
  text: string,
  file: string,
  schema: z.ZodType<T>,
  { amend, python, onTwice, overrides = [] }: YamlRules = {},
): Located<T> {
  const lines = new LineCounter()
  // Merge keys (`<<: *anchor`) are YAML 1.1, which PyYAML and so mergekit read.
  const usual = { prettyErrors: false, merge: true }
  const first = parseDocument(text, { ...usual, lineCounter: lines })
  const document = python?.(first)
    ? parseDocument(text, { ...usual, schema: 'failsafe', customTags: [...PYYAML], uniqueKeys: false })
    : first
  const placed = (offset: number, message: string) => {
    const { line, col } = lines.linePos(offset)
    return new UserError(`${file}:${line}:${col}: ${message}`)
  }
  const [broken] = [...document.errors, ...(document === first ? [] : document.warnings)]
  if (broken) throw placed(broken.pos[0], wordsOf(broken, text))
  if (document !== first) checkKeys(document, placed, onTwice)
  if (document.contents === null) throw new UserError(`${file}: must be a mapping of keys to values; nothing is in it`)
  amend?.(document)
  const locate = locator((path) => {
    const set = overrideAt(path, overrides, path.length === 0 || document.hasIn(path))
    if (set) return `--set ${set.given}`
    const { line, col } = lines.linePos(offsetOf(document, path))
    return `${file}:${line}:${col}`
  })
  const values = overrides.reduce<unknown>(override, plainValues(document, placed))
  const value = locate(() => checkSchema(schema, values))
  return {
    value,
    text: overrides.length ? printOverridden(values, file, overrides) : text.replace(SCHEMA_LINE, ''),
    locate,
  }
}

/** `# yaml-language-server: $schema=../schema.json`, relative to the file that it stands in, as the YAML language server reads it. */
const SCHEMA_LINE = /^#\s+yaml-language-server\s*:.*\$schema=[^\n]*\n?/m

/** The document that a file and its overrides are together. */
const printOverridden = (values: unknown, file: string, overrides: readonly Override[]): string =>
  `# ${basename(file)}, with ${overrides.map(({ given }) => `--set ${given.replace(/\s+/g, ' ')}`).join(' ')}\n${stringify(values)}`

/** As `readYaml`, of a value that is no file's; errors say `where: editors[0].drop_rate: …`. */
export function locateValue<T>(value: unknown, where: string, schema: z.ZodType<T>): Located<T> {
  const locate = locator(() => where)
  return { value: locate(() => checkSchema(schema, value)), text: JSON.stringify(value, null, 2), locate }
}

function checkSchema<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value, { error: sayIssue })
  if (result.success) return result.data
  const other = otherKind(result.error.issues, value)
  if (other) throw other
  const { path, message } = firstIssue(result.error.issues)
  throw new UserError(message, { path })
}

/** Errors that have a path lose it for the place that it names. */
function locator(placeOf: (path: Path) => string): Located<unknown>['locate'] {
  const place = (error: unknown): never => {
    if (!(error instanceof UserError) || error.path === undefined) throw error
    const { path, message, exitCode } = error
    throw new UserError(`${placeOf(path)}: ${path.length ? `${printPath(path)}: ` : ''}${message}`, {
      exitCode,
      cause: error,
    })
  }
  return (work) => {
    try {
      const result = work()
      return result instanceof Promise ? (result.catch(place) as typeof result) : result
    } catch (error) {
      return place(error)
    }
  }
}

/** Keys as PyYAML reads them need not be text, and may stand twice. @throws UserError for one that is none */
function checkKeys(
  document: Document,
  placed: (offset: number, message: string) => UserError,
  onTwice: YamlRules['onTwice'],
): void {
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>()
      for (const { key } of items) {
        if (!isScalar(key) || typeof key.value === 'symbol') continue
        if (typeof key.value !== 'string')
          throw placed(key.range![0], `a key must be text; got ${String(key.value)}: write it in quotes`)
        if (seen.has(key.value)) onTwice?.(key.value)
        seen.add(key.value)
      }
    },
  })
}

function wordsOf({ code, message, pos: [at] }: YAMLError, text: string): string {
  if (code === 'MULTIPLE_DOCS') return secondDocument(text)
  if (code === 'DUPLICATE_KEY') return `the key ${/[^:\n]*/.exec(text.slice(at))![0].trim()} is there twice`
  return message.replace(/\s+/g, ' ')
}

/** Several documents are a file of mergekit-multi, or a slip. */
const secondDocument = (text: string): string =>
  `a second document begins here; ${
    /^"?merge_method"?\s*:/m.test(text)
      ? 'a merge file is one merge (this is a file of mergekit-multi): write each into a file of its own, and name the folder that one makes as a model of the next'
      : 'one is wanted'
  }`

/** @throws ReferenceError for an alias without an anchor, one that contains itself, and so many that they fill the memory */
function valuesOf(document: Document.Parsed): unknown {
  const value: unknown = document.toJS()
  if (isEndless(value)) throw new ReferenceError('an alias contains itself')
  return value
}

/** The document as values; what is wrong with its aliases shows only here. */
function plainValues(document: Document.Parsed, placed: (offset: number, message: string) => UserError): unknown {
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
    throw placed(offset, (cause as Error).message)
  }
}

function isEndless(value: unknown, around: readonly unknown[] = []): boolean {
  if (typeof value !== 'object' || value === null) return false
  return around.includes(value) || Object.values(value).some((each) => isEndless(each, [...around, value]))
}

/** Offset in the text of the value at a path, or of the nearest thing around it that is there. */
function offsetOf(document: Document.Parsed, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const offset = offsetOfKey(document, path.slice(0, length))
    if (offset !== undefined) return offset
  }
  return document.contents?.range?.[0] ?? 0
}

/** Where a key of a mapping, or an entry of a list, begins. */
function offsetOfKey(document: Document.Parsed, path: Path): number | undefined {
  const around = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const last = path.at(-1)
  if (isSeq(around)) {
    const entry = around.items[Number(last)]
    return isNode(entry) ? entry.range?.[0] : undefined
  }
  if (!isMap(around)) return undefined
  const key = around.items.map((pair) => pair.key).find((node) => isScalar(node) && node.value === last)
  return isScalar(key) ? key.range?.[0] : undefined
}

/** @internal A path in words: `editors[0].drop_rate` */
export function printPath(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${String(part)}`)).join('')
}
