// The functions that transformers gives every chat template.
import type { Callable } from './values.js'

const two = (value: number) => String(value).padStart(2, '0')
const named = (date: Date, style: Intl.DateTimeFormatOptions) => date.toLocaleDateString('en-US', style)
const midnight = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate())

/** strftime by letter, in English as in Python without a locale. */
const DATE: Record<string, (date: Date) => string> = {
  d: (date) => two(date.getDate()),
  m: (date) => two(date.getMonth() + 1),
  Y: (date) => String(date.getFullYear()),
  y: (date) => two(date.getFullYear() % 100),
  b: (date) => named(date, { month: 'short' }),
  B: (date) => named(date, { month: 'long' }),
  a: (date) => named(date, { weekday: 'short' }),
  A: (date) => named(date, { weekday: 'long' }),
  H: (date) => two(date.getHours()),
  I: (date) => two(date.getHours() % 12 || 12),
  M: (date) => two(date.getMinutes()),
  S: (date) => two(date.getSeconds()),
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  j: (date) => String((midnight(date) - Date.UTC(date.getFullYear(), 0, 0)) / 864e5).padStart(3, '0'),
  '%': () => '%',
}

/** @throws Error for a letter that is not known here */
function strftime(style: string, date: Date): string {
  return style.replace(/%(-?)(.)/gs, (_, bare: string, letter: string) => {
    if (!Object.hasOwn(DATE, letter)) throw new Error(`strftime_now: %${letter} is not supported`)
    const text = DATE[letter]!(date)
    return bare ? text.replace(/^0+(?=.)/, '') : text
  })
}

export const CHAT_FUNCTIONS: Readonly<Record<string, Callable>> = {
  raise_exception([reason]) {
    throw new Error(String(reason))
  },
  strftime_now: ([style]) => strftime(String(style), new Date()),
}
