// Values of parameters at one tensor: filters by tensor name, gradients over the layers, and which level has the say.
import { closest } from 'fastest-levenshtein'
import { type UserError, unknown } from '../errors/index.js'
import type { Parameters, Setting } from './schema.js'

export type Path = (string | number)[]
export type ErrorAt = (path: Path, message: string) => UserError

/** Parameters with their place in the file. */
export interface Level {
  path: Path
  parameters: Parameters
}

/** Where a tensor stands: its name and t in [0, 1] along the layers of its slice, 0 outside the layers. */
export interface Place {
  name: string
  t: number
}

/** A value, and the path of what gave it. */
export interface Found {
  value: number | boolean | string
  path: Path
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

/** What one setting says of a tensor; undefined when no filter fits. */
function valueAt(setting: Setting, { name, t }: Place): Found['value'] | undefined {
  if (!isFiltered(setting)) return Array.isArray(setting) ? gradientAt(setting, t) : setting
  const entry = setting.find(({ filter }) => filter === undefined || filter === '*' || name.includes(filter))
  return entry && (Array.isArray(entry.value) ? gradientAt(entry.value, t) : entry.value)
}

/** The parameters of a tensor among `names`: for each, the first level that has a value for it. */
export function resolve(levels: readonly Level[], names: readonly string[], place: Place): Map<string, Found> {
  const found = new Map<string, Found>()
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

/** Refuses names that nobody reads, among them those that are read `elsewhere`, and filters that fit no tensor. */
export function checkLevels(
  levels: readonly Level[],
  names: readonly string[],
  owner: string,
  slots: readonly { name: string }[],
  errorAt: ErrorAt,
  elsewhere: readonly string[] = [],
): void {
  const tensors = slots.map(({ name }) => name)
  for (const { path, parameters } of levels) {
    for (const [name, setting] of Object.entries(parameters)) {
      if (elsewhere.includes(name))
        throw errorAt(
          [...path, name],
          `is a parameter of the whole merge: write it under the \`parameters\` of the file or of a slice`,
        )
      if (!names.includes(name)) throw errorAt([...path, name], unknown(`parameter of ${owner}`, name, names).message)
      if (!isFiltered(setting)) continue
      for (const [i, { filter }] of setting.entries()) {
        if (filter === undefined || filter === '*' || tensors.some((tensor) => tensor.includes(filter))) continue
        const nearest = nearestNames(filter, tensors)
        throw errorAt(
          [...path, name, i, 'filter'],
          `${JSON.stringify(filter)} is part of no tensor name; nearest: ${nearest.join(', ')}`,
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
