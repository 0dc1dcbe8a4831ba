// A GGUF file as the checkpoint of transformers that it was made from: names, shapes and values. Blocks are decoded to float32, and what
// llama.cpp's converter changed is undone.
import { UserError } from '../errors/index.js'
import {
  type GgufFile,
  type GgufFiles,
  type GgufTensor,
  type GgufValue,
  readGgufParts,
  TOKENIZER_LISTS,
} from '../gguf/index.js'
import type { Interval } from '../kernels/index.js'
import type { Stored } from './coded.js'
import { ARCHITECTURES } from './gguf-architectures.js'
import { type GgufWeight, openLines, type ReadPart } from './gguf-lines.js'
import { type GgufArchitecture, type GgufChange, type Heads, isComputed, transformersName } from './gguf-names.js'
import type { RowOrder } from './gguf-rows.js'
import type { TensorEntry } from './header.js'
import { tensorBytes } from './layout.js'

export interface GgufCheckpoint {
  file: GgufFiles
  /** As headers of safetensors would describe them; what is coded counts as BF16. */
  entries: TensorEntry[]
  /** Those that are a part of another, under the file's name. */
  parts: ReadonlySet<string>
  /** Of the tensors that are not stored as they are. */
  shapes: Map<string, readonly number[]>
  /** How many are decoded, by type. */
  types: Map<string, number>
  /** Sentences on what is not as one would think. */
  notes: string[]
  /** Lines of such a tensor. @param bytes of the file, from … to − 1 of a tensor */
  compute(name: string, lines: Interval, bytes: Stored['bytes']): Promise<Float32Array>
}

/** @throws UserError as readGgufParts, and for an architecture whose names are not known */
export async function openGguf(path: string): Promise<GgufCheckpoint> {
  const file = await readGgufParts(path, TOKENIZER_LISTS)
  if (file.fields.get('general.type') === 'adapter')
    throw new UserError(
      `${path}: is an adapter of llama.cpp, which is not read; give the adapter of peft that it was made from`,
    )
  const { weights, unknown } = weightsOf(path, file, architectureOf(path, file))
  const changed = [...weights].filter(([, { stored, change }]) => change !== null || !stored[0].type.dtype)
  const types = new Map<string, number>()
  for (const { type } of [...weights.values()].map(({ stored }) => stored[0]))
    if (!type.dtype) types.set(type.name, (types.get(type.name) ?? 0) + 1)
  const parts = [...weights.values()].flatMap(({ stored: [, ...others] }) => others)
  const linesOf = openLines()
  return {
    file,
    entries: [
      ...[...weights].map(([name, { stored, shape }]) => entryOf(name, stored[0], shape)),
      ...parts.map((part) => entryOf(part.name, part, part.shape)),
    ],
    parts: new Set(parts.map(({ name }) => name)),
    shapes: new Map(changed.map(([name, { shape }]) => [name, shape])),
    types,
    notes: unknown.length
      ? [
          `${path}: ${unknown.length} tensors, the first ${unknown[0]}, are none that ${file.fields.get('general.architecture')} has here; they keep the names and values of the file`,
        ]
      : [],
    compute(name, lines, bytes) {
      const weight = weights.get(name)!
      const read: ReadPart = (part, from, to) => bytes(part ? weight.stored[part]!.name : name, from, to)
      return linesOf(weight, lines, read)
    },
  }
}

function architectureOf(path: string, { fields, tensors }: GgufFiles): GgufArchitecture {
  const named = fields.get('general.architecture')
  const found = typeof named === 'string' && Object.hasOwn(ARCHITECTURES, named) ? ARCHITECTURES[named]! : null
  if (!found)
    throw new UserError(
      `${path}: ${named === undefined ? 'names no architecture (general.architecture)' : `general.architecture is ${JSON.stringify(named)}`}; GGUF files of ${Object.keys(ARCHITECTURES).join(', ')} are read`,
    )
  return typeof found === 'function'
    ? found((part) => tensors.some(({ name }) => `.${name}`.includes(`.${part}.`)))
    : found
}

/** @throws UserError for a tensor that stands there twice, and for rows and alternating tensors that do not fit */
function weightsOf(
  path: string,
  { fields, tensors }: GgufFiles,
  architecture: GgufArchitecture,
): { weights: Map<string, GgufWeight>; unknown: string[] } {
  const weights = new Map<string, GgufWeight>()
  const unknown: string[] = []
  const all = tensors
    .filter(({ name }) => !isComputed(name))
    .map((stored) => ({
      stored,
      name: transformersName(architecture, stored.name) ?? stored.name,
      change: architecture.change(stored.name),
    }))
  // Files of DeepSeek V3 of early 2025 have keys and values as one matrix, and its two parts beside it.
  const whole = new Set(all.filter(({ change }) => change?.change !== 'joined').map(({ name }) => name))
  for (const { stored, name, change } of all) {
    if (change?.change === 'joined' && whole.has(name)) continue
    if (name === stored.name) unknown.push(name)
    const order = change?.change === 'rows' ? checkOrder(path, change.order(headsOf(path, fields)), stored) : null
    for (const [own, part] of splitExperts(name, stored)) {
      const other = weights.get(own)
      const parts = other ? [...other.stored, part] : [part]
      if (parts.length > countOf(change))
        throw new UserError(
          `${path}: tensors ${parts.map((each) => JSON.stringify(each.name)).join(' and ')} are both ${own}`,
        )
      weights.set(own, {
        stored: parts.sort(byName) as GgufWeight['stored'],
        shape: shapeOf(own, parts, change),
        change,
        order,
      })
    }
  }
  for (const [own, { stored, change }] of weights)
    if (stored.length < countOf(change) || !fits(stored, change))
      throw new UserError(
        `${path}: ${own} is made of two tensors that fit each other, and there ${stored.length < 2 ? 'is' : 'are'} ${stored.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(' and ')}`,
      )
  return { weights, unknown }
}

/** Whether stored tensors have the shapes that make one weight. */
function fits([first, second]: readonly GgufTensor[], change: GgufChange | null): boolean {
  if (!second) return true
  if (change?.change !== 'joined') return String(first!.shape) === String(second.shape)
  const [[heads, columns], [others, , width]] = [first!.shape, second.shape]
  return heads === others && columns === width && first!.shape.length === 3
}

/** The gate comes before what goes up, and keys before values. */
const byName = (one: GgufTensor, two: GgufTensor): number => (one.name < two.name ? -1 : 1)

/** How many stored tensors a weight is made of. */
const countOf = (change: GgufChange | null): number => (change && 'of' in change ? change.of : 1)

function entryOf(name: string, { type, begin, file }: GgufTensor, shape: number[]): TensorEntry {
  const dtype = type.dtype ?? 'BF16'
  return { name, dtype, shape, file, begin, end: begin + tensorBytes({ dtype, shape }) }
}

/** Experts lie one after the other in one tensor of three axes, and are matrices of their own in transformers' files. */
function splitExperts(name: string, stored: GgufTensor): [name: string, part: GgufTensor][] {
  if (!name.includes('*')) return [[name, stored]]
  const [count, ...shape] = stored.shape as [number, ...number[]]
  const size = (stored.end - stored.begin) / count
  return Array.from({ length: count }, (_, expert) => {
    const begin = stored.begin + expert * size
    return [name.replace('*', String(expert)), { ...stored, shape, begin, end: begin + size }]
  })
}

/** The gate of a shared expert is a matrix of one row, of which some files make a list. */
function shapeOf(name: string, stored: readonly GgufTensor[], change: GgufChange | null): number[] {
  const { shape } = stored[0]!
  const [last, before] = [shape.length - 1, shape.length - 2]
  if (change?.change === 'transposed') return [...shape.slice(0, -2), shape[last]!, shape[before]! * change.of]
  if (change?.change === 'kernel') return [...shape.slice(0, -1), 1, shape[last]!]
  const [one, two] = stored as [GgufTensor, GgufTensor?]
  if (change?.change === 'stacked')
    return [...shape.slice(0, -2), shape[before]! + (two?.shape[before] ?? 0), shape[last]!]
  if (change?.change === 'joined' && two) return [one.shape[0]! * (one.shape[2]! + two.shape[1]!), two.shape[2]!]
  if (change?.change === 'alternating') return [...shape.slice(0, -1), shape[last]! * change.of]
  return name.endsWith('.shared_expert_gate.weight') && shape.length === 1 ? [1, ...shape] : shape
}

/** There are as many of keys and values as of queries where the file does not say. @throws UserError for what is no number */
function headsOf(path: string, fields: GgufFile['fields']): Heads {
  const architecture = String(fields.get('general.architecture'))
  const numberOf = (key: string, otherwise?: GgufValue): number => {
    const value = fields.get(`${architecture}.${key}`) ?? otherwise
    if (typeof value === 'number') return value
    throw new UserError(
      `${path}: ${architecture}.${key} is ${value === undefined ? 'not there' : typeof value === 'object' ? 'a list' : JSON.stringify(value)}; one number for all layers is wanted`,
    )
  }
  const queries = numberOf('attention.head_count')
  return {
    queries,
    keys: numberOf('attention.head_count_kv', queries),
    turning: fields.has(`${architecture}.rope.dimension_sections`) ? numberOf('rope.dimension_count') : null,
  }
}

/** @throws UserError for rows that the heads do not share */
function checkOrder(path: string, order: RowOrder | null, { name, shape }: GgufTensor): RowOrder | null {
  if (!order) return null
  const rows = shape[0]!
  if (order.blocks > 0 && rows % (order.blocks * order.multiple) === 0) return order
  throw new UserError(
    `${path}: tensor ${JSON.stringify(name)} has ${rows} rows, which its heads of queries and keys do not share evenly`,
  )
}
