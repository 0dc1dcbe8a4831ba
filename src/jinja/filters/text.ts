// Filters of texts, and those that make a text of a value.

import { lettersOf, textArgument } from '../arguments.js'
import { capitalise } from '../case.js'
import { padded } from '../format.js'
import { SPACE, strip } from '../strip.js'
import { formatted, json, printed } from '../text.js'
import { LINE_BREAK, replaced } from '../text-methods.js'
import { itemsOf, kindOf, Tuple, truth, Undefined, type Value } from '../values.js'
import { argument, type Call, type Filter, wholeOr } from './call.js'

/** Jinja's own title, which is not str.title: words begin after spaces and `-({[<` alone. */
const titleOfWords = (words: string): string =>
  words.replace(
    new RegExp(`[^${SPACE}({\\[<-]+`, 'gu'),
    ([first, ...rest]) => first!.toUpperCase() + rest.join('').toLowerCase(),
  )

function asJson(value: Value, call: Call): string {
  // Jinja's own takes an indent; that of transformers ensure_ascii, indent, separators and sort_keys, in this order.
  const card = call.style === 'card'
  const indent = argument(call, card ? 0 : 1, 'indent')
  const separators = card ? null : argument(call, 2, 'separators')
  const style = {
    ...(indent !== undefined &&
      indent !== null && { indent: typeof indent === 'string' ? indent : ' '.repeat(Number(indent)) }),
    ...(separators && { separators: itemsOf(separators).map(printed) as [string, string] }),
    ascii: card || truth(argument(call, 0, 'ensure_ascii') ?? false),
    sorted: card || truth(argument(call, 3, 'sort_keys') ?? false),
  }
  if (call.style === 'chat') return json(value, style)
  if ([...call.named.keys()].some((name) => name !== 'indent')) throw new Error('tojson takes an indent only')
  return json(value, style).replace(/[<>&']/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** re.sub of Python with a pattern that both languages read alike. */
export function regexReplace(value: Value, { args, named }: Call): string {
  const [pattern, by, count] = [
    printed(args[0] ?? named.get('pattern') ?? ''),
    printed(args[1] ?? named.get('repl') ?? ''),
    wholeOr(args[2] ?? named.get('count'), 0),
  ]
  let made = 0
  return printed(value).replace(
    new RegExp(pattern, 'gu'),
    (match: string, ...rest: (string | number | undefined)[]) => {
      if (count > 0 && made >= count) return match
      made++
      return by.replace(/\\(?:g<(\d+)>|(\d)|(.))/gs, (_, long?: string, short?: string, other?: string) => {
        if (other !== undefined) return { n: '\n', t: '\t', r: '\r', '\\': '\\' }[other] ?? `\\${other}`
        const group = Number(long ?? short)
        return group === 0 ? match : String(rest[group - 1] ?? '')
      })
    },
  )
}

export const TEXT_FILTERS: Record<string, Filter> = {
  upper: (value) => printed(value).toUpperCase(),
  lower: (value) => printed(value).toLowerCase(),
  title: (value) => titleOfWords(printed(value)),
  capitalize: (value) => capitalise(printed(value)),
  trim: (value, call) => strip(printed(value), 'both', lettersOf(argument(call, 0, 'chars'))),
  replace: (value, call) =>
    replaced(
      printed(value),
      printed(argument(call, 0, 'old') ?? ''),
      printed(argument(call, 1, 'new') ?? ''),
      wholeOr(argument(call, 2, 'count'), -1),
    ),
  string: (value) => printed(value),
  safe: (value) => printed(value),
  escape: (value) =>
    printed(value).replace(
      /[&<>'"]/g,
      (letter) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', "'": '#39', '"': '#34' }[letter]};`,
    ),
  wordcount: (value) => BigInt(printed(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  indent(value, call) {
    const [width, first, blank] = [
      argument(call, 0, 'width') ?? 4n,
      argument(call, 1, 'first') ?? false,
      argument(call, 2, 'blank') ?? false,
    ]
    const space = typeof width === 'string' ? width : ' '.repeat(Number(width))
    return textArgument(value)
      .split(LINE_BREAK)
      .map((line, i) =>
        i === 0 ? (truth(first) ? space + line : line) : line !== '' || truth(blank) ? space + line : line,
      )
      .join('\n')
  },
  urlencode(value) {
    if (typeof value === 'object' && value !== null && !(value instanceof Undefined))
      throw new Error(`urlencode of ${kindOf(value)} is not supported`)
    return encodeURIComponent(printed(value))
      .replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%2F', '/')
  },
  format: (value, { args, named }) => formatted(printed(value), named.size ? new Map(named) : new Tuple(args)),
  center: (value, call) => padded(printed(value), BigInt(wholeOr(call.args[0], 80)), ' ', 'both'),
  tojson: asJson,
}
