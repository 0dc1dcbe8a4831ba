// Regular expressions as Python's `re` reads them, in the spelling of JavaScript. Only what means the same in both is translated.

/** A pattern that Python refuses too, or that JavaScript cannot say; the message is the end of a sentence. */
export class RegexError extends Error {}

/**
 * The source for `new RegExp(…, 'v')`; flags may not stand in front of it. Its groups are named g1, g2, ….
 * @param keeps whether what the groups matched is read
 * @throws RegexError
 */
export function translateRegex(source: string, flags = '', keeps = true): string {
  const reader = {
    text: source,
    at: 0,
    atoms: 0,
    groups: 0,
    leavesOut: false,
    keeps,
    multiline: flags.includes('m'),
    dotAll: flags.includes('s'),
  }
  const result = readBranch(reader)
  if (reader.at < reader.text.length) throw new RegexError('has a ) too many')
  return result
}

interface Reader {
  text: string
  at: number
  /** Parts that give nothing back, and groups that are kept, so far. */
  atoms: number
  groups: number
  /** Whether the last part may match without one of its groups. */
  leavesOut: boolean
  keeps: boolean
  /** Whether ^ and $ are of lines, and whether . is any letter. */
  multiline: boolean
  dotAll: boolean
}

/** What is matched and then not given back: a look ahead, and what it saw. */
function atomic(reader: Reader, text: string): string {
  const name = `a${++reader.atoms}`
  return `(?:(?=(?<${name}>${text}))\\k<${name}>)`
}

/** The letter at the place; '' at the end. */
const next = ({ text, at }: Reader): string => (at < text.length ? String.fromCodePoint(text.codePointAt(at)!) : '')

/** What a sticky pattern finds at the place. */
function seen({ text, at }: Reader, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

function take(reader: Reader, pattern: RegExp): RegExpExecArray | null {
  const found = seen(reader, pattern)
  if (found) reader.at += found[0].length
  return found
}

const COMMENTS = /(?:\(\?#[^)]*\))+/y

/** Up to the end, or the ) of the group that it is in. */
function readBranch(reader: Reader): string {
  const { groups } = reader
  let [result, branches, leavesOut] = ['', false, false]
  while (next(reader) !== '' && next(reader) !== ')') {
    if (take(reader, /\|/y)) {
      result += '|'
      branches = true
      continue
    }
    if (take(reader, COMMENTS)) continue
    const before = reader.groups
    reader.leavesOut = false
    const { text, repeats } = readItem(reader)
    take(reader, COMMENTS)
    const [quantifier, greed] = readQuantifier(reader)
    if (quantifier && !repeats)
      throw new RegexError(text ? `repeats ${text} by ${quantifier}` : `has nothing to repeat before ${quantifier}`)
    if (reader.keeps && reader.leavesOut && mostOf(quantifier) > 1)
      throw new RegexError(
        `repeats by ${quantifier} a part with a group that may be left out: JavaScript forgets what it matched before`,
      )
    leavesOut ||= reader.leavesOut || (reader.groups > before && /^(?:[*?]|\{0)/.test(quantifier))
    result += greed === '+' ? atomic(reader, text + quantifier) : text + quantifier + greed
  }
  reader.leavesOut = leavesOut || (branches && reader.groups > groups)
  return result
}

/** How often a quantifier repeats at most. */
function mostOf(quantifier: string): number {
  if (/^[*+]|,\}$/.test(quantifier)) return Infinity
  return Number(/(\d+)\}$/.exec(quantifier)?.[1] ?? 1)
}

/** A brace that is no quantifier is a letter. */
const QUANTIFIER = /(?:[*+?]|\{(?:\d+(?:,\d*)?|,\d*)\})/y

/** Two texts '' where there is none. */
function readQuantifier(reader: Reader): [quantifier: string, greed: string] {
  const found = take(reader, QUANTIFIER)
  if (!found) return ['', '']
  const greed = take(reader, /[?+]/y)?.[0] ?? ''
  if (seen(reader, QUANTIFIER)) throw new RegexError('has two repeats in a row')
  return [found[0].replace('{,', '{0,'), greed]
}

const SPECIAL = /[\^$\\.*+?()[\]{}|/]/
/** In a set two of these in a row have a meaning of their own. */
const SPECIAL_IN_SET = /[\^$\\.*+?()[\]{}|/\-&!#%,:;<=>@`~]/
const literal = (letter: string, special = SPECIAL): string => (special.test(letter) ? `\\${letter}` : letter)

function readItem(reader: Reader): { text: string; repeats: boolean } {
  const letter = next(reader)
  if (letter === '(') return readGroup(reader)
  if (letter === '[') return { text: readSet(reader), repeats: true }
  if (letter === '\\') return readEscape(reader)
  if (seen(reader, QUANTIFIER)) return { text: '', repeats: false }
  reader.at += letter.length
  if (letter === '^') return { text: reader.multiline ? '(?<![^\\n])' : '^', repeats: false }
  // The end, or before a line break at the end.
  if (letter === '$') return { text: reader.multiline ? '(?![^\\n])' : '(?=\\n?$)', repeats: false }
  if (letter === '.') return { text: reader.dotAll ? '[\\s\\S]' : '[^\\n]', repeats: true }
  return { text: literal(letter), repeats: true }
}

function readGroup(reader: Reader): { text: string; repeats: boolean } {
  const look = take(reader, /\(\?<?[=!]/y)?.[0]
  const atom = look === undefined && take(reader, /\(\?>/y)
  const plain = look === undefined && !atom && take(reader, /\(\?:/y)
  const open = look ?? (plain ? '(?:' : `(?<g${reader.groups + 1}>`)
  if (look === undefined && !atom && !plain && !take(reader, /\((?:\?P<[A-Za-z_]\w*>|(?!\?))/y)) {
    const head = seen(reader, /\(\?(?:P[=>]?|\(|<|[a-zA-Z-]+[):]?)?/y)![0]
    throw new RegexError(
      head.endsWith(')')
        ? `has the flags ${head}, which Python takes at the very front only`
        : `has ${head}…, which is not read here`,
    )
  }
  if (open.startsWith('(?<g')) reader.groups++
  const inside = readBranch(reader)
  if (!take(reader, /\)/y)) throw new RegexError('lacks a )')
  if (atom) return { text: atomic(reader, inside), repeats: true }
  return { text: `${open}${inside})`, repeats: look === undefined }
}

/** Of all scripts: str.isalnum and _, str.isdecimal, str.isspace. */
const WORD = '\\p{L}\\p{N}_'
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const CLASSES: Readonly<Record<string, string>> = {
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  s: `[${SPACE}]`,
  S: `[^${SPACE}]`,
  w: `[${WORD}]`,
  W: `[^${WORD}]`,
}
const PLACES: Readonly<Record<string, string>> = {
  A: '^',
  Z: '$',
  b: `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`,
  B: `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`,
}
const CONTROLS: Readonly<Record<string, string>> = { a: '\\x07', f: '\\f', n: '\\n', r: '\\r', t: '\\t', v: '\\v' }

/** What follows a backslash, in a set and outside; null for what means other things in these. */
function readCommon(reader: Reader, special = SPECIAL): string | null {
  const letter = reader.text[reader.at + 1] ?? ''
  const code = take(reader, /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(0[0-7]{0,2}|[0-3][0-7]{2}))/y)
  if (code) {
    const [, x, u, long, octal] = code
    const point = octal === undefined ? Number.parseInt((x ?? u ?? long)!, 16) : Number.parseInt(octal, 8)
    if (point > 0x10ffff) throw new RegexError(`has ${code[0]}, which is no letter`)
    return `\\u{${point.toString(16)}}`
  }
  if (letter === '') throw new RegexError('ends in a backslash')
  if (!(letter in CLASSES) && !(letter in CONTROLS) && /[A-Za-z0-9]/.test(letter)) return null
  reader.at += 2
  return CLASSES[letter] ?? CONTROLS[letter] ?? literal(letter, special)
}

function readEscape(reader: Reader): { text: string; repeats: boolean } {
  const common = readCommon(reader)
  if (common !== null) return { text: common, repeats: true }
  const letter = reader.text[reader.at + 1]!
  const place = PLACES[letter]
  if (place === undefined)
    throw new RegexError(
      /\d/.test(letter)
        ? `has \\${letter}, a reference to a group, which is not read here`
        : `has \\${letter}, which is ${letter === 'N' ? 'not read here' : 'no escape'}`,
    )
  reader.at += 2
  return { text: place, repeats: false }
}

function readSet(reader: Reader): string {
  reader.at++
  let result = take(reader, /\^/y) ? '[^' : '['
  for (let first = true; first || next(reader) !== ']'; first = false) {
    const from = readMember(reader)
    if (!take(reader, /-(?!\])/y)) {
      result += from
      continue
    }
    const to = readMember(reader)
    if ([from, to].some((end) => Object.values(CLASSES).includes(end))) throw new RegexError('has a range with no end')
    result += `${from}-${to}`
  }
  reader.at++
  return `${result}]`
}

function readMember(reader: Reader): string {
  const letter = next(reader)
  if (letter === '') throw new RegexError('lacks a ]')
  if (letter !== '\\') {
    reader.at += letter.length
    return literal(letter, SPECIAL_IN_SET)
  }
  const common = readCommon(reader, SPECIAL_IN_SET)
  if (common !== null) return common
  if (reader.text[reader.at + 1] !== 'b') throw new RegexError(`has \\${reader.text[reader.at + 1]} in a set`)
  reader.at += 2
  return '\\x08'
}
