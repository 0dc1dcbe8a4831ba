// Methods of texts, as Python has them.
import { integer, lettersOf, textArgument } from './arguments.js'
import { capitalise, title } from './case.js'
import { formatFields, padded } from './format.js'
import { SPACE, strip } from './strip.js'
import { itemsOf, Tuple, truth, type Value } from './values.js'

/** What a method is called with. */
export type PythonMethod<T> = (self: T, args: Value[], named: Map<string, Value>) => Value

function split(text: string, by: Value | undefined, limit: number, right: boolean): string[] {
  if (by === undefined || by === null) {
    const words = strip(text)
      .split(new RegExp(`[${SPACE}]+`))
      .filter(Boolean)
    if (limit < 0 || words.length <= limit) return words
    if (right) throw new Error('rsplit at spaces with a limit is not supported')
    const found: string[] = []
    let rest = strip(text, 'left')
    for (let i = 0; i < limit; i++) {
      const [word] = new RegExp(`^[^${SPACE}]+`).exec(rest)!
      found.push(word)
      rest = strip(rest.slice(word.length), 'left')
    }
    return rest ? [...found, rest] : found
  }
  const parts = text.split(textArgument(by))
  if (by === '') throw new Error('an empty text separates nothing')
  if (limit < 0 || parts.length <= limit + 1) return parts
  if (right) return [parts.slice(0, parts.length - limit).join(by as string), ...parts.slice(parts.length - limit)]
  return [...parts.slice(0, limit), parts.slice(limit).join(by as string)]
}

/** Where str.splitlines ends a line. */
export const LINE_BREAK = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/
const AFTER_LINE_BREAK = /(?<=\r\n|[\n\v\f\x1c-\x1e\x85\u2028\u2029]|\r(?!\n))/

/** str.replace. @param limit of replacements; below 0 there is none @throws Error for what is no text */
export function replaced(text: string, from: Value | undefined, to: Value | undefined, limit: number): string {
  const [one, other] = [textArgument(from), textArgument(to)]
  const parts = one === '' ? ['', ...text, ''] : text.split(one)
  const many = limit < 0 ? parts.length - 1 : Math.min(limit, parts.length - 1)
  const [first = '', ...rest] = parts
  return rest.reduce((made, part, i) => made + (i < many ? other : one) + part, first)
}

const someArgument = (what: Value | undefined, test: (part: string) => boolean) =>
  (what instanceof Tuple ? what.items : [what]).some((part) => test(textArgument(part)))

/** The part of a text from `start` to `stop`, in letters, and where it begins. */
function part(text: string, start: Value | undefined, stop: Value | undefined): { text: string; begin: number } {
  const letters = [...text]
  const [from, to] = [integer(start, 0), integer(stop, letters.length)]
  return {
    text: letters.slice(from, to).join(''),
    begin: from < 0 ? Math.max(0, letters.length + from) : from,
  }
}

/** Where the first or last `what` of a part of a text is, in letters of the whole; -1 where there is none. */
function place(text: string, [what, start, stop]: readonly Value[], way: 'indexOf' | 'lastIndexOf'): bigint {
  const within = part(text, start, stop)
  const at = within.text[way](textArgument(what))
  return at < 0 ? -1n : BigInt(within.begin + [...within.text.slice(0, at)].length)
}
const every = (text: string, pattern: RegExp) => text !== '' && pattern.test(text)

export const TEXT_METHODS: Record<string, PythonMethod<string>> = {
  upper: (self) => self.toUpperCase(),
  lower: (self) => self.toLowerCase(),
  capitalize: (self) => capitalise(self),
  title: (self) => title(self),
  strip: (self, [letters]) => strip(self, 'both', lettersOf(letters)),
  lstrip: (self, [letters]) => strip(self, 'left', lettersOf(letters)),
  rstrip: (self, [letters]) => strip(self, 'right', lettersOf(letters)),
  split: (self, [by, limit], named) =>
    split(self, by ?? named.get('sep'), integer(limit ?? named.get('maxsplit'), -1), false),
  rsplit: (self, [by, limit], named) =>
    split(self, by ?? named.get('sep'), integer(limit ?? named.get('maxsplit'), -1), true),
  splitlines(self, [keepends = false], named) {
    const keeps = truth(named.get('keepends') ?? keepends)
    const lines = self.split(keeps ? AFTER_LINE_BREAK : LINE_BREAK)
    return lines.at(-1) === '' ? lines.slice(0, -1) : lines
  },
  join: (self, [list]) => itemsOf(list!).map(textArgument).join(self),
  startswith: (self, [what, start, stop]) =>
    ((within) => someArgument(what, (each) => within.startsWith(each)))(part(self, start, stop).text),
  endswith: (self, [what, start, stop]) =>
    ((within) => someArgument(what, (each) => within.endsWith(each)))(part(self, start, stop).text),
  replace: (self, [from, to, limit], named) => replaced(self, from, to, integer(limit ?? named.get('count'), -1)),
  find: (self, args) => place(self, args, 'indexOf'),
  rfind: (self, args) => place(self, args, 'lastIndexOf'),
  index(self, args) {
    const at = place(self, args, 'indexOf')
    if (at < 0n) throw new Error('the text is not in the other')
    return at
  },
  count: (self, [what, start, stop]) =>
    ((within) => BigInt(textArgument(what) === '' ? [...within].length + 1 : within.split(what as string).length - 1))(
      part(self, start, stop).text,
    ),
  isdigit: (self) => every(self, /^\p{Nd}+$/u),
  isnumeric: (self) => every(self, /^\p{N}+$/u),
  isalpha: (self) => every(self, /^\p{L}+$/u),
  isalnum: (self) => every(self, /^[\p{L}\p{N}]+$/u),
  isspace: (self) => every(self, new RegExp(`^[${SPACE}]+$`)),
  isupper: (self) => self === self.toUpperCase() && self !== self.toLowerCase(),
  islower: (self) => self === self.toLowerCase() && self !== self.toUpperCase(),
  removeprefix: (self, [what]) => (self.startsWith(textArgument(what)) ? self.slice((what as string).length) : self),
  removesuffix: (self, [what]) =>
    what !== '' && self.endsWith(textArgument(what)) ? self.slice(0, -(what as string).length) : self,
  ljust: (self, [width, letter]) => padded(self, width, letter, 'right'),
  rjust: (self, [width, letter]) => padded(self, width, letter, 'left'),
  center: (self, [width, letter]) => padded(self, width, letter, 'both'),
  zfill: (self, [width]) =>
    ((sign) => sign + padded(self.slice(sign.length), BigInt(integer(width, 0) - sign.length), '0', 'left'))(
      /^[+-]/.exec(self)?.[0] ?? '',
    ),
  swapcase: (self) =>
    [...self].map((letter) => (letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase())).join(''),
  partition: (self, [by]) =>
    ((at) => new Tuple(at < 0 ? [self, '', ''] : [self.slice(0, at), by!, self.slice(at + (by! as string).length)]))(
      self.indexOf(textArgument(by)),
    ),
  rpartition: (self, [by]) =>
    ((at) => new Tuple(at < 0 ? ['', '', self] : [self.slice(0, at), by!, self.slice(at + (by! as string).length)]))(
      self.lastIndexOf(textArgument(by)),
    ),
  format: (self, args, named) => formatFields(self, args, named),
}
