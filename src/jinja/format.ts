// str.format of Python, and texts that are filled up to a width.
import { integer, textArgument } from './arguments.js'
import { printed, represent, writeReal } from './text.js'
import { isNumber, toNumber, type Value } from './values.js'

/** @param where the side that is filled */
export function padded(
  text: string,
  width: Value | undefined,
  fill: Value | undefined,
  where: 'left' | 'right' | 'both',
): string {
  const [missing, letter] = [
    Math.max(0, integer(width, 0) - [...text].length),
    fill === undefined ? ' ' : textArgument(fill),
  ]
  const before =
    where === 'left' ? missing : where === 'right' ? 0 : Math.floor(missing / 2) + (missing & integer(width, 0) & 1)
  return letter.repeat(before) + text + letter.repeat(missing - before)
}

/** str.format with plain fields and the usual formats of numbers. @throws Error for others */
export function formatFields(text: string, args: Value[], named: Map<string, Value>): string {
  let next = 0
  let counted = false
  return text.replace(
    /\{\{|\}\}|\{([^{}:!]*)(?:!([rs]))?(?::([^{}]*))?\}|[{}]/g,
    (whole: string, name: string, as: string | undefined, style = '') => {
      if (whole === '{{' || whole === '}}') return whole[0]!
      if (whole.length === 1)
        throw new Error(
          `format does not read the ${whole} here: fields are {}, {0}, {name}, with !r, !s and a format behind :`,
        )
      const byPlace = /^\d+$/.test(name)
      counted ||= byPlace
      const value = name === '' ? args[next++]! : byPlace ? args[Number(name)]! : named.get(name)
      if (counted && next > 0) throw new Error('format has both {} and {0}')
      if (value === undefined) throw new Error(`format has no value for {${name}}`)
      const shown = as === 'r' ? represent(value!) : as === 's' ? printed(value!) : value!
      return style === '' ? printed(shown) : styled(shown, style as string)
    },
  )
}

function styled(value: Value, style: string): string {
  const parts = /^(?:(.)?([<>^]))?(0)?(\d+)?(?:\.(\d+))?([sdfeg])?$/.exec(style)
  if (!parts) throw new Error(`the format ${style} is not supported`)
  const [, letter = ' ', side = typeof value === 'string' ? '<' : '>', zero, width = '0', digits, kind] = parts
  const text =
    isNumber(value) && kind !== undefined && 'feg'.includes(kind)
      ? (Number(toNumber(value)) < 0 ? '-' : '') +
        writeReal(Math.abs(Number(toNumber(value))), kind, digits === undefined ? 6 : Number(digits))
      : digits === undefined
        ? printed(value)
        : [...textArgument(value)].slice(0, Number(digits)).join('')
  const [fillWith, where] = zero
    ? ['0', 'left' as const]
    : [letter, side === '<' ? ('right' as const) : side === '>' ? ('left' as const) : ('both' as const)]
  return padded(text, BigInt(width), fillWith, where)
}
