// What PyYAML makes of words without quotes: YAML 1.1 with rules of its own (its resolver and constructor, 6.0). `yes` and
// `on` are truth values, `010` is 8, `1_000` is 1000, `1:30` is 90, and `1e-3`, whose mantissa has no point, is text.
import type { ScalarTag } from 'yaml'

const tag = (name: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag => ({
  tag: `tag:yaml.org,2002:${name}`,
  default: true,
  test,
  resolve,
})

const withoutUnderscores = (text: string): string => text.replaceAll('_', '')

/** `1:30:00`: each part is 60 of the next. */
const sixties = (text: string): number => text.split(':').reduce((sum, part) => 60 * sum + Number(part), 0)

/** A number behind its sign. */
function signed(text: string, read: (digits: string) => number): number {
  const digits = text.replace(/^[-+]/, '')
  return text.startsWith('-') ? -read(digits) : read(digits)
}

function readInteger(digits: string): number {
  if (/^0[bx]/.test(digits)) return Number(digits)
  if (digits.includes(':')) return sixties(digits)
  return digits.startsWith('0') ? Number.parseInt(digits, 8) : Number(digits)
}

function readFloat(digits: string): number {
  if (/^\.inf$/i.test(digits)) return Infinity
  if (/^\.nan$/i.test(digits)) return NaN
  return digits.includes(':') ? sixties(digits) : Number(digits)
}

export const PYYAML: readonly ScalarTag[] = [
  tag('null', /^(~|null|Null|NULL|)$/, () => null),
  tag('bool', /^(yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/, (text) =>
    /^(yes|true|on)$/i.test(text),
  ),
  tag(
    'int',
    /^([-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+)$/,
    (text) => signed(withoutUnderscores(text), readInteger),
  ),
  tag(
    'float',
    /^([-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/,
    (text) => signed(withoutUnderscores(text), readFloat),
  ),
  tag(
    'timestamp',
    /^(\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?([Tt]|[ \t]+)\d\d?:\d\d:\d\d(\.\d*)?([ \t]*(Z|[-+]\d\d?(:\d\d)?))?)$/,
    (text) => new Date(text),
  ),
]
