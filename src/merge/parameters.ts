// Values of parameters at one tensor: filters by tensor name, gradients over the layers, and which level decides.
import { closest } from 'fastest-levenshtein'
import { type Path, UserError, unknown } from '../errors/index.js'
import type { Parameters, Setting } from './schema.js'

/** Parameters with their place in the file. */
export interface Level {
  path: Path
  parameters: Parameters
}

/** A value, and the path of what gave it. */
export interface FoundValue {
  value: number | boolean | string
  path: Path
}

export type FoundValues = ReadonlyMap<string, FoundValue>

/** Where a tensor stands: its name and t in [0, 1] along the layers of its slice, 0 outside the layers. */
interface TensorPlace {
  name: string
  t: number
}

/** Piecewise linear over a list of numbers. */
export function gradientAt(list: readonly number[], t: number): number {
  const place = t * (list.length - 1)
  const left = Math.min(Math.floor(place), list.length - 1)
  const rest = place - left
  return rest === 0 ? list[left]! : (1 - rest) * list[left]! + rest * list[left + 1]!
}

const isFiltered = (setting: Setting): setting is Extract<Setting, { value: unknown }[]> =>
  Array.isArray(setting) && typeof setting[0] === 'object'

/** What one setting says of a tensor; undefined when no filter matches. */
function valueAt(setting: Setting, { name, t }: TensorPlace): FoundValue['value'] | undefined {
  if (!isFiltered(setting)) return Array.isArray(setting) ? gradientAt(setting, t) : setting
  const entry = setting.find(({ filter }) => filter === undefined || filter === '*' || name.includes(filter))
  return entry && (Array.isArray(entry.value) ? gradientAt(entry.value, t) : entry.value)
}

/** The parameters of a tensor among `names`: for each, the first level that has a value for it. */
export function resolveParameters(
  levels: readonly Level[],
  names: readonly string[],
  place: TensorPlace,
): Map<string, FoundValue> {
  const found = new Map<string, FoundValue>()
  for (const name of names) {
    for (const { path, parameters } of levels) {
      const value = parameters[name] === undefined ? undefined : valueAt(parameters[name], place)
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

/** Refuses names that nothing reads, names that belong elsewhere, and filters that match no tensor. */
export function checkLevels(
  levels: readonly Level[],
  { names, owner, outer = [] }: KnownNames,
  tensors: readonly string[],
): void {
  for (const { path, parameters } of levels) {
    for (const [name, setting] of Object.entries(parameters)) {
      if (outer.includes(name))
        throw new UserError(
          'is a parameter of the whole merge: write it under the `parameters` of the file or of a slice',
          { path: [...path, name] },
        )
      if (!names.includes(name)) throw unknown(`parameter of ${owner}`, name, names).at(...path, name)
      if (!isFiltered(setting)) continue
      for (const [i, { filter }] of setting.entries()) {
        if (filter === undefined || filter === '*' || tensors.some((tensor) => tensor.includes(filter))) continue
        throw new UserError(
          `${JSON.stringify(filter)} is part of no tensor name; nearest: ${nearestNames(filter, tensors).join(', ')}`,
          { path: [...path, name, i, 'filter'] },
        )
      }
    }
  }
}

/** Up to three tensors with the word that is nearest to a filter. */
function nearestNames(filter: string, tensors: readonly string[]): string[] {
  const word = closest(filter, [...new Set(tensors.flatMap((name) => name.split('.')))])
  return tensors.filter((name) => name.split('.').includes(word)).slice(0, 3)
}
