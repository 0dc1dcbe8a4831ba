// Methods of texts, lists and dicts, as Python has them.
import { integer } from './arguments.js'
import { type PythonMethod, TEXT_METHODS } from './text-methods.js'
import {
  type Callable,
  compare,
  type Dict,
  DictView,
  entryOf,
  equal,
  itemsOf,
  kindOf,
  NamedPair,
  Range,
  Space,
  Tuple,
  Undefined,
  type Value,
} from './values.js'

const LIST: Record<string, PythonMethod<readonly Value[]>> = {
  index(self, [item]) {
    const at = self.findIndex((each) => equal(each, item!))
    if (at < 0) throw new Error('the entry is not in the list')
    return BigInt(at)
  },
  count: (self, [item]) => BigInt(self.filter((each) => equal(each, item!)).length),
}

/** Of lists that may change: those of cards, not of chats. */
const CHANGING: Record<string, PythonMethod<Value[]>> = {
  append: (self, [item]) => (self.push(item!), null),
  extend: (self, [list]) => (self.push(...itemsOf(list!)), null),
  insert: (self, [at, item]) => (self.splice(integer(at, 0), 0, item!), null),
  pop: (self, [at]) => self.splice(integer(at, self.length - 1), 1)[0]!,
  reverse: (self) => (self.reverse(), null),
  sort: (self) => (self.sort(compare), null),
}

function entryOr(dict: Dict, key: Value, otherwise: Value): Value {
  const value = entryOf(dict, key)
  return value === undefined ? otherwise : value
}

const DICT: Record<string, PythonMethod<Dict>> = {
  get: (self, [key, otherwise = null]) => entryOr(self, key!, otherwise),
  keys: (self) => new DictView('keys', [...self.keys()]),
  values: (self) => new DictView('values', [...self.values()]),
  items: (self) =>
    new DictView(
      'items',
      [...self].map(([key, value]) => new Tuple([key, value])),
    ),
  copy: (self) => new Map(self),
}

const UPDATING: Record<string, PythonMethod<Dict>> = {
  update: (self, [other], named) => (
    [...(other instanceof Map ? other : []), ...named].forEach(([key, value]) => self.set(key, value)), null
  ),
  pop: (self, [key, otherwise = null]) => ((value) => (self.delete(key!), value))(entryOr(self, key!, otherwise)),
  setdefault: (self, [key, value]) => (self.has(key!) || self.set(key!, value ?? null), self.get(key!)!),
}

/** Names of methods that change what they are called on. */
const FORBIDDEN = new Set([...Object.keys(CHANGING), ...Object.keys(UPDATING), 'clear', 'remove', 'popitem'])

/** What a dot asks for: an attribute, or else a method. The parameters and errors are those of `methodOf`. */
export const attributeOf = (value: Value, name: string, frozen: boolean): Value | undefined =>
  value instanceof Space || value instanceof NamedPair ? value.attributes.get(name) : methodOf(value, name, frozen)

/**
 * The method of a value, or undefined.
 * @param frozen whether lists and dicts may not change, as in transformers. @throws Error for such a method, and for one that is not known here
 */
function methodOf(value: Value, name: string, frozen: boolean): Callable | undefined {
  const bind = <T>(self: T, method: PythonMethod<T> | undefined): Callable | undefined =>
    method && ((args, named) => method(self, args, named))
  const own = <T>(table: Record<string, PythonMethod<T>>) => (Object.hasOwn(table, name) ? table[name] : undefined)
  if (typeof value === 'string') return bind(value, own(TEXT_METHODS))
  if (value instanceof Undefined) return undefined
  const isList = Array.isArray(value)
  if (frozen && (isList || value instanceof Map) && FORBIDDEN.has(name) && !(value instanceof Map && name === 'sort')) {
    return () => {
      throw new Error(`${name} changes ${kindOf(value)}, which a chat template may not do`)
    }
  }
  if (isList) return bind(value, own(LIST)) ?? bind(value, own(CHANGING))
  if (value instanceof Tuple || value instanceof Range) return bind(value.items, own(LIST))
  return value instanceof Map ? (bind(value, own(DICT)) ?? bind(value, own(UPDATING))) : undefined
}
