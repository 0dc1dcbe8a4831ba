// Methods of texts, as Python has them.
import { integer, lettersOf, textArgument } from './arguments.js'
import { capitalise, title } from './case.js'
import { formatFields, padded } from './format.js'
import { SPACE, strip } from './strip.js'
import { itemsOf, Tuple, type Value } from './values.js'

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
const place = (text: string, at: number) => BigInt([...text.slice(0, at)].length)
const places = (text: string, at: number) => (at < 0 ? -1n : place(text, at))
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
  splitlines: (self) =>
    self === ''
      ? []
      : self
          .replace(/(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])$/, '')
          .split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/),
  join: (self, [list]) => itemsOf(list!).map(textArgument).join(self),
  startswith: (self, [what]) => someArgument(what, (part) => self.startsWith(part)),
  endswith: (self, [what]) => someArgument(what, (part) => self.endsWith(part)),
  replace: (self, [from, to, limit]) => replaced(self, from, to, integer(limit, -1)),
  find: (self, [what]) => places(self, self.indexOf(textArgument(what))),
  rfind: (self, [what]) => places(self, self.lastIndexOf(textArgument(what))),
  index(self, [what]) {
    if (!self.includes(textArgument(what))) throw new Error('the text is not in the other')
    return places(self, self.indexOf(what as string))
  },
  count: (self, [what]) =>
    BigInt(textArgument(what) === '' ? [...self].length + 1 : self.split(what as string).length - 1),
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
