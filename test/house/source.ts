// Reads the sources of `src` for the tests of the house: what a file imports and exports, and its functions.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseSync } from 'oxc-parser'
import { packageRoot } from '../../src/files/index.js'

export interface FunctionShape {
  /** `file:line`, for messages. */
  place: string
  parameters: number
  lines: number
  /** The comment that ends in the line above, or ''. */
  comment: string
}

export interface Source {
  /** Path below src, e.g. `loss/riemann.ts`. */
  path: string
  /** The folder below src; the file itself for the doors of the package (`index.ts`, …), which stand above all rooms. */
  room: string
  text: string
  lines: string[]
  /** Files below src that it imports, types included, and packages that it imports or requires. */
  files: string[]
  packages: string[]
  /** Of both, what is loaded with the file: imported statically, and not for its types alone. */
  loads: string[]
  /** Names that are declared here and exported. */
  exported: string[]
  functions: FunctionShape[]
}

/** Every file of src, without the WebAssembly kernels. */
export function readSources(): Source[] {
  return readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.[jt]s$/.test(path) && !path.endsWith('.d.ts') && !path.startsWith('kernels/assembly/'))
    .sort()
    .map((path) => readSource(path, readFileSync(join(packageRoot, 'src', path), 'utf8')))
}

interface Node {
  type: string
  start: number
  end: number
  [field: string]: unknown
}

const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']

export function readSource(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`)
  const lines = text.split('\n').slice(0, -1)
  const specifiers: string[] = []
  const loads: string[] = []
  const exported: string[] = []
  const functions: FunctionShape[] = []
  const lineAt = (offset: number) => text.slice(0, offset).split('\n').length
  visit(program as unknown as Node, (node) => {
    const { source, declaration } = node as { source?: Node | null; declaration?: Node | null }
    if (/^(Import|Export(Named|All))Declaration$|^ImportExpression$|^TSImportType$/.test(node.type) && source)
      specifiers.push((source.value as string | undefined) ?? text.slice(source.start + 1, source.end - 1))
    if (/^(Import|Export(Named|All))Declaration$/.test(node.type) && source && !isType(node))
      loads.push(String(source.value))
    const required = /^require\('([^']+)'\)$/.exec(text.slice(node.start, node.end))
    if (node.type === 'CallExpression' && required) specifiers.push(required[1]!)
    if (node.type === 'ExportNamedDeclaration' && declaration) exported.push(...namesOf(declaration))
    if (FUNCTIONS.includes(node.type)) {
      const first = lineAt(node.start)
      functions.push({
        place: `${path}:${first}`,
        parameters: (node.params as Node[]).length,
        lines: lineAt(node.end) - first + 1,
        comment: commentAbove(lines, first),
      })
    }
  })
  const local = (specifier: string) => {
    const file = normalize(join(dirname(path), specifier))
    return existsSync(join(packageRoot, 'src', file)) ? file : file.replace(/\.js$/, '.ts')
  }
  return {
    path,
    room: path.split('/')[0]!,
    text,
    lines,
    files: specifiers.filter((each) => each.startsWith('.')).map(local),
    packages: specifiers.filter(isPackage),
    loads: loads.flatMap((each) => (each.startsWith('.') ? local(each) : isPackage(each) ? each : [])),
    exported,
    functions,
  }
}

const isPackage = (specifier: string): boolean => !/^(\.|node:)/.test(specifier)

const isType = ({ importKind, exportKind }: Node): boolean => importKind === 'type' || exportKind === 'type'

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) for (const each of value) visit(each, see)
  else if (value && typeof value === 'object') {
    if (typeof (value as Node).type === 'string') see(value as Node)
    for (const each of Object.values(value)) visit(each, see)
  }
}

function namesOf(declaration: Node): string[] {
  const named = (declaration.declarations as Node[] | undefined) ?? [declaration]
  return named.flatMap(({ id }) => ((id as Node).type === 'Identifier' ? [(id as Node).name as string] : []))
}

function commentAbove(lines: readonly string[], line: number): string {
  const found: string[] = []
  for (let at = line - 2; at >= 0 && /^\s*(\/\/|\/?\*)/.test(lines[at]!); at--) found.unshift(lines[at]!.trim())
  return found.join('\n')
}

/** The groups of files that import each other in a circle, types included. */
export function findCircles(sources: readonly Source[]): string[][] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const open: string[] = []
  const circles: string[][] = []
  // Tarjan's strongly connected components.
  const enter = (path: string): void => {
    order.set(path, order.size)
    lowest.set(path, order.get(path)!)
    open.push(path)
    for (const next of byPath.get(path)!.files) {
      if (!byPath.has(next)) continue
      if (!order.has(next)) enter(next)
      else if (!open.includes(next)) continue
      lowest.set(path, Math.min(lowest.get(path)!, lowest.get(next)!))
    }
    if (lowest.get(path) !== order.get(path)) return
    const circle = open.splice(open.indexOf(path))
    if (circle.length > 1 || byPath.get(path)!.files.includes(path)) circles.push(circle.sort())
  }
  for (const { path } of sources) if (!order.has(path)) enter(path)
  return circles
}
