// Values of parameters at one tensor: filters by tensor name, gradients over the layers, and which level decides.
import { closest } from 'fastest-levenshtein'
import type { z } from 'zod'
import { type Path, UserError, unknown } from '../errors/index.js'
import type { PassOver } from './mergekit-file.js'
import { asNumber, asTruth } from './pydantic.js'
import type { Parameters, Setting } from './schema.js'

/** Parameters with their place in the file. */
export interface Level {
  path: Path
  parameters: Parameters
}

type Scalar = number | boolean | string

/** A value, and the path of what gave it. */
export interface FoundValue {
  value: Scalar
  path: Path
}

export type FoundValues = ReadonlyMap<string, FoundValue>

/** The schemas of parameters by their names. */
export type Parametric = Readonly<Record<string, z.ZodType>>

/** Where a tensor stands: its name and t in [0, 1] along the layers of its slice, 0 outside the layers. */
interface TensorPlace {
  name: string
  t: number
}

interface Described {
  _zod: { def: { type: string; innerType?: Described } }
}

/** What a parameter takes: a number or a truth value, in the words of zod. */
function typeOf(schema: z.ZodType): string {
  let { def } = (schema as unknown as Described)._zod
  while (def.innerType) def = def.innerType._zod.def
  return def.type
}

/** A value as pydantic reads it for a parameter: `"0.3"` is a number, 1 a truth value. What is neither stays as it is. */
function readScalar(value: Scalar, schema: z.ZodType): Scalar {
  const type = typeOf(schema)
  return (type === 'boolean' ? asTruth(value) : type === 'number' ? asNumber(value) : value) as Scalar
}

/** Piecewise linear over a list of numbers; of other values the last one up to t. Undefined for an empty list. */
export function gradientAt(list: readonly Scalar[], t: number): Scalar | undefined {
  const place = t * (list.length - 1)
  const left = Math.floor(place)
  const rest = place - left
  const [from, to] = [list[left], list[left + 1]]
  const numbers = list.every((value) => typeof value === 'number')
  return numbers && rest !== 0 ? (1 - rest) * (from as number) + rest * (to as number) : from
}

const isFiltered = (setting: Setting): setting is Extract<Setting, { value: unknown }[]> =>
  Array.isArray(setting) && typeof setting[0] === 'object'

/** What one setting says of a tensor; undefined when no filter matches, and for an empty list. */
function valueAt(setting: Setting, schema: z.ZodType, { name, t }: TensorPlace): Scalar | undefined {
  const entry = isFiltered(setting)
    ? setting.find(({ filter }) => filter === undefined || filter === '*' || name.includes(filter))?.value
    : setting
  if (!Array.isArray(entry)) return entry === undefined ? undefined : readScalar(entry as Scalar, schema)
  const values = entry.map((value) => readScalar(value as Scalar, schema))
  // Every value must be right, also those that this tensor does not take.
  return values.find((value) => !schema.safeParse(value).success) ?? gradientAt(values, t)
}

/** The parameters of a tensor among `schemas`: for each, the first level that has a value for it. */
export function resolveParameters(
  levels: readonly Level[],
  schemas: Parametric,
  place: TensorPlace,
): Map<string, FoundValue> {
  const found = new Map<string, FoundValue>()
  for (const [name, schema] of Object.entries(schemas)) {
    for (const { path, parameters } of levels) {
      const value = parameters[name] === undefined ? undefined : valueAt(parameters[name], schema, place)
      if (value === undefined) continue
      found.set(name, { value, path: [...path, name] })
      break
    }
  }
  return found
}

/** Names that a level may have. */
interface KnownNames {
  names: readonly string[]
  /** Whose parameters they are, for errors. */
  owner: string
  /** Names that belong at an outer level. */
  outer?: readonly string[]
}

/**
 * Finds names that nothing reads, names that belong elsewhere, and filters that match no tensor.
 * @param passOver is told of them, as mergekit passes over them; without it they are refused
 */
export function checkLevels(
  levels: readonly Level[],
  { names, owner, outer = [] }: KnownNames,
  tensors: readonly string[],
  passOver?: PassOver,
): void {
  for (const { path, parameters } of levels) {
    for (const [name, setting] of Object.entries(parameters)) {
      const found = wrongName(name, { names, owner, outer })
      if (found && !passOver) throw found.error.at(...path, name)
      if (found) passOver?.([...path, name], found.why)
      if (found || !isFiltered(setting)) continue
      for (const [i, { filter }] of setting.entries()) {
        if (filter === undefined || filter === '*' || tensors.some((tensor) => tensor.includes(filter))) continue
        const near = nearestNames(filter, tensors).join(', ')
        const said = `${JSON.stringify(filter)} is part of no tensor name; nearest: ${near}`
        const at = [...path, name, i, 'filter']
        if (!passOver) throw new UserError(said, { path: at })
        passOver(at, said)
      }
    }
  }
}

/** What is wrong with a name at its level: as an error, and why mergekit passes over it. */
function wrongName(
  name: string,
  { names, owner, outer }: Required<KnownNames>,
): { error: UserError; why: string } | undefined {
  if (outer.includes(name))
    return {
      error: new UserError(
        'is a parameter of the whole merge: write it under the `parameters` of the file or of a slice',
      ),
      why: 'a parameter of the whole merge has no effect at a model (nor has it in mergekit); it belongs under the `parameters` of the file or of a slice',
    }
  if (names.includes(name)) return undefined
  const error = unknown(`parameter of ${owner}`, name, names)
  return { error, why: `${error.message}. It has no effect, nor has it in mergekit` }
}

/** Up to three tensors with the word that is nearest to a filter. */
function nearestNames(filter: string, tensors: readonly string[]): string[] {
  const word = closest(filter, [...new Set(tensors.flatMap((name) => name.split('.')))])
  return [...new Set(tensors)].filter((name) => name.split('.').includes(word)).slice(0, 3)
}
