// Parts of Jinja2 that the library does not parse, written with those that it does: `with`, filters of blocks, tests with arguments.
import type { tokenize } from '@huggingface/jinja'

export type Token = ReturnType<typeof tokenize>[number]

export const CLOSING_BRACKETS = new Set(['CloseParen', 'CloseSquareBracket', 'CloseCurlyBracket'])
export const OPENING_BRACKETS = new Set(['OpenParen', 'OpenSquareBracket', 'OpenCurlyBracket'])
const START = new Set(['NumericLiteral', 'StringLiteral', 'Identifier', ...OPENING_BRACKETS])
const WORDS = new Set(['and', 'or', 'if', 'else', 'not', 'is', 'in'])

const token = (type: string, value: string) => ({ type, value }) as Token
const statement = (...parts: readonly Token[]): Token[] => [
  token('OpenStatement', '{%'),
  ...parts,
  token('CloseStatement', '%}'),
]
const word = (value: string) => token('Identifier', value)
const filters = (parts: readonly Token[][]) => parts.toReversed().flatMap((part) => statement(word('filter'), ...part))
const ends = (count: number) => Array.from({ length: count }, () => statement(word('endfilter'))).flat()

/** Tokens between those of a type that stand in no brackets. */
function split(tokens: readonly Token[], type: string): Token[][] {
  const parts: Token[][] = [[]]
  let depth = 0
  for (const each of tokens) {
    depth += Number(OPENING_BRACKETS.has(each.type)) - Number(CLOSING_BRACKETS.has(each.type))
    if (depth === 0 && each.type === type) parts.push([])
    else parts.at(-1)!.push(each)
  }
  return parts
}

/** The place behind the bracket that closes the one at a place. */
function behindBrackets(tokens: readonly Token[], from: number): number {
  let [at, depth] = [from, 0]
  do {
    depth += Number(OPENING_BRACKETS.has(tokens[at]!.type)) - Number(CLOSING_BRACKETS.has(tokens[at]!.type))
    at++
  } while (depth > 0 && at < tokens.length)
  return at
}

/** The place behind a name, a literal or brackets, with the attributes, entries and calls that follow. */
function behindOperand(tokens: readonly Token[], from: number): number {
  let at = behindBrackets(tokens, from)
  for (;;) {
    const type = tokens[at]?.type
    if (type === 'Dot') at += 2
    else if (type === 'OpenParen' || type === 'OpenSquareBracket') at = behindBrackets(tokens, at)
    else return at
  }
}

const startsOperand = (first: Token | undefined): first is Token =>
  first !== undefined && START.has(first.type) && !(first.type === 'Identifier' && WORDS.has(first.value))

/** The name of the filter that a test is written as; no template can have it. */
export const TEST = /^is (not )?(\w+)$/

/** `x is eq 2` as a filter with an argument. */
function rewriteTests(tokens: readonly Token[]): Token[] {
  const all: Token[] = []
  for (let i = 0; i < tokens.length; i++) {
    const negated = tokens[i + 1]?.value === 'not'
    const at = i + (negated ? 3 : 2)
    const [test, argument] = [tokens[at - 1], tokens[at]]
    const isTest = tokens[i]!.type === 'Identifier' && tokens[i]!.value === 'is' && test?.type === 'Identifier'
    if (!isTest || !startsOperand(argument)) {
      all.push(tokens[i]!)
      continue
    }
    const end = argument.type === 'OpenParen' ? behindBrackets(tokens, at) : behindOperand(tokens, at)
    const inner = rewriteTests(tokens.slice(at, end))
    all.push(token('Pipe', '|'), word(`is ${negated ? 'not ' : ''}${test.value}`))
    all.push(...(argument.type === 'OpenParen' ? inner : [token('OpenParen', '('), ...inner, token('CloseParen', ')')]))
    i = end - 1
  }
  return all
}

/** A block of its own names: that of a filter which changes no text. All values are those of before. */
function withBlock(pairs: readonly Token[]): Token[] {
  const own = statement(word('filter'), word('string'))
  if (!pairs.length) return own
  const all = split(pairs, 'Comma').map((pair) => split(pair, 'Equals'))
  const listed = (part: 0 | 1) => all.flatMap((pair, i) => [...(i ? [token('Comma', ',')] : []), ...(pair[part] ?? [])])
  return [...own, ...statement(word('set'), ...listed(0), token('Equals', '='), ...listed(1))]
}

/** Tokens as the library can parse them. */
export function rewrite(tokens: readonly Token[]): Token[] {
  const all: Token[] = []
  // How many filters each open block has.
  const [inFilter, inSet]: [number[], number[]] = [[], []]
  const rewritten = (name: Token | undefined, rest: readonly Token[]): Token[] | undefined => {
    const parts = split(rest, 'Pipe')
    switch (name?.value) {
      case 'filter':
        inFilter.push(parts.length)
        return filters(parts)
      case 'endfilter':
        return ends(inFilter.pop() ?? 1)
      case 'set':
        if (split(rest, 'Equals').length > 1) return undefined
        inSet.push(parts.length - 1)
        return [...statement(name, ...parts[0]!), ...filters(parts.slice(1))]
      case 'endset':
        return [...ends(inSet.pop() ?? 0), ...statement(name)]
      case 'with':
        return withBlock(rest)
      case 'endwith':
        return ends(1)
      default:
        return undefined
    }
  }
  for (let i = 0; i < tokens.length; i++) {
    const isOpen = tokens[i]!.type === 'OpenStatement'
    const end = isOpen ? tokens.findIndex(({ type }, at) => at > i && type === 'CloseStatement') : -1
    const [name, ...rest] = end < 0 ? [] : tokens.slice(i + 1, end)
    const own = rewritten(name, rest)
    all.push(...(own ?? [tokens[i]!]))
    if (own) i = end
  }
  return rewriteTests(all)
}
