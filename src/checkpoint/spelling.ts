// JSON texts of other programs that are changed in part: what stays keeps its layout and the spelling of its numbers, because
// a number that JSON.parse reads as 8 was written 8.0, and Python minds.
import { applyEdits, type JSONPath, modify, type Node, parseTree } from 'jsonc-parser'

type Tree = Record<string, unknown>

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)
const isSame = (one: unknown, two: unknown): boolean => JSON.stringify(one) === JSON.stringify(two)

/**
 * The text of an object with the values of `wanted`. What is equal in both is not touched. A changed number takes the spelling
 * that an equal number has under the same key (lists are moved about), and stays a float where all numbers there were.
 */
export function rewriteJson(text: string, wanted: Tree): string {
  const before = JSON.parse(text) as Tree
  let result = text
  for (const { path, value, index } of listChanges(before, wanted)) {
    const formattingOptions = { insertSpaces: true, tabSize: 2 }
    result = applyEdits(result, modify(result, path, value, { formattingOptions, getInsertionIndex: () => index }))
  }
  if (result !== text) result = respell(result, spellingsOf(text))
  // A key that stands twice is one that an edit of the text cannot reach.
  return isSame(sorted(JSON.parse(result)), sorted(wanted)) ? result : JSON.stringify(wanted, null, 2)
}

interface Change {
  path: JSONPath
  /** undefined: the key is taken out. */
  value: unknown
  /** Place among the keys of its object, where it is new. */
  index: number
}

/** Objects are compared key by key, everything else as a whole. */
function listChanges(before: Tree, after: Tree, path: JSONPath = []): Change[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return keys.flatMap((key): Change[] => {
    // Own keys alone: every object inherits `toString` and others.
    const [old, value] = [before, after].map((tree) => (Object.hasOwn(tree, key) ? tree[key] : undefined))
    if (isTree(old) && isTree(value)) return listChanges(old, value, [...path, key])
    return isSame(old, value) ? [] : [{ path: [...path, key], value, index: Object.keys(after).indexOf(key) }]
  })
}

/** How the numbers of a text are written, by the keys that lead to them; the places in lists do not count. */
type Spellings = ReadonlyMap<string, readonly string[]>

function* numbersOf(node: Node | undefined, keys: readonly string[] = []): Generator<{ node: Node; place: string }> {
  if (node?.type === 'number') yield { node, place: JSON.stringify(keys) }
  for (const child of node?.children ?? []) {
    if (child.type === 'property') yield* numbersOf(child.children![1], [...keys, String(child.children![0]!.value)])
    else yield* numbersOf(child, keys)
  }
}

const textOf = (text: string, { offset, length }: Node): string => text.slice(offset, offset + length)

function spellingsOf(text: string): Spellings {
  const spellings = new Map<string, string[]>()
  for (const { node, place } of numbersOf(parseTree(text)))
    spellings.set(place, [...(spellings.get(place) ?? []), textOf(text, node)])
  return spellings
}

function respell(text: string, spellings: Spellings): string {
  const edits = [...numbersOf(parseTree(text))].flatMap(({ node, place }) => {
    const known = spellings.get(place) ?? []
    const own = textOf(text, node)
    if (known.includes(own)) return []
    const isFloat = known.length > 0 && known.every((each) => /[.eE]/.test(each)) && /^-?\d+$/.test(own)
    const content = known.find((each) => Number(each) === node.value) ?? (isFloat ? `${own}.0` : own)
    return [{ offset: node.offset, length: node.length, content }]
  })
  return applyEdits(text, edits)
}

/** The order of keys has no meaning. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  return isTree(value)
    ? Object.fromEntries(
        Object.keys(value)
          .sort()
          .map((key) => [key, sorted(value[key])]),
      )
    : value
}
