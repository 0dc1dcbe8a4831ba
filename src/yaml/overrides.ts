// Values that take the place of a document's own: `--set editors.0.drop_rate=0.9`.
import { parseDocument } from 'yaml'
import { type Path, UserError } from '../errors/index.js'
import { isObject, showValue } from '../schema/index.js'

/** A value, and where it belongs in a document. */
export interface Override {
  /** As it was given: `editors.0.drop_rate=0.9`. */
  given: string
  path: Path
  value: unknown
}

/** What is said where it is wrong. */
const failed = (given: string, message: string): UserError => new UserError(`--set ${given}: ${message}`)

/**
 * `editors.0.drop_rate=[0.5, 0.9]`, or `editors[0].drop_rate=…`: keys, numbers of list entries from 0, and a value in YAML.
 * @throws UserError for what has another form, and values that are no YAML
 */
export function readOverride(given: string): Override {
  const [, keys, text] = /^([^=]+)=(.*)$/s.exec(given) ?? []
  if (keys === undefined || text === undefined)
    throw failed(given, 'must be a key and a value, as in seeds=10 or editors.0.drop_rate=[0.5,0.9]')
  const parts = keys
    .trim()
    .replace(/\[(\d+)\]/g, '.$1')
    .split('.')
  if (parts.includes('')) throw failed(given, `the key ${keys.trim()} has an empty part`)
  const document = parseDocument(text, { prettyErrors: false, merge: true })
  const [broken] = document.errors
  if (broken) throw failed(given, `the value is no YAML: ${broken.message.replace(/\s+/g, ' ')}`)
  return { given, path: parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part)), value: document.toJS() }
}

/** A copy of a document's value with another value at the place. @throws UserError where the document has no such place */
export function override(document: unknown, { given, path, value }: Override): unknown {
  const put = (around: unknown, at: number): unknown => {
    if (at === path.length) return value
    const key = path[at]!
    const name = path.slice(0, at).map(String).join('.')
    if (Array.isArray(around)) {
      if (typeof key !== 'number' || key >= around.length)
        throw failed(
          given,
          `${name} is a list of ${around.length}: its entries are 0 to ${around.length - 1}; got ${String(key)}`,
        )
      return around.map((each, i) => (i === key ? put(each, at + 1) : each))
    }
    if (around !== undefined && around !== null && !isObject(around))
      throw failed(given, `${name} is ${showValue(around)}, and has no keys; set ${name} itself`)
    return { ...around, [key]: put((around as Record<PropertyKey, unknown> | null | undefined)?.[key], at + 1) }
  }
  return put(document, 0)
}

const begins = (whole: Path, start: Path): boolean => start.every((part, i) => String(part) === String(whole[i]))

/** The override that a place comes from, the last one first; `has` says whether the document has a place of its own. */
export const overrideAt = (path: Path, overrides: readonly Override[], has: boolean): Override | undefined =>
  overrides.findLast((each) => begins(path, each.path) || (!has && begins(each.path, path)))
