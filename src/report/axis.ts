// Axes: which values get a tick, and the symmetric log scale for loss changes that span decades.
import { textWidth } from './font.js'
import { formatNumber } from './words.js'

/** vega expression of a tick label: up to six digits, a true minus sign, an exponent only for very small numbers. */
export const LABEL =
  "datum.value == 0 ? '0' : replace(format(datum.value, abs(datum.value) < 1e-4 ? '~e' : '~r'), '-', '−')"

/** A title in two lines, the unit on the second, where one line is longer than its axis. */
export function brokenTitle(title: string, length: number): string | string[] {
  return textWidth(title, 11) > length ? title.split(/ (?=\()/) : title
}

/** Values for the ticks of a numeric axis: those that occur, both ends first, less those whose labels would touch on `width` pixels. */
export function ticksOf(values: readonly number[], width: number, log = false): number[] {
  const sorted = [...new Set(values)].sort((a, b) => a - b)
  if (sorted.length < 2) return sorted
  if (log && sorted.length > 8) {
    const [first, last] = [Math.ceil(Math.log10(sorted[0]!)), Math.floor(Math.log10(sorted.at(-1)!))]
    if (last - first >= 2) return Array.from({ length: last - first + 1 }, (_, i) => Number(`1e${first + i}`))
  }
  const place = log ? Math.log : (value: number) => value
  const [low, high] = [place(sorted[0]!), place(sorted.at(-1)!)]
  const at = (value: number) => ((place(value) - low) / (high - low)) * width
  const half = (value: number) => textWidth(formatNumber('key', value), 10) / 2
  const touch = (a: number, b: number) => Math.abs(at(a) - at(b)) < half(a) + half(b) + 3
  if (!log && isEven(sorted)) {
    const fitting = everyFew(sorted).filter((some) => !some.some((value, i) => i > 0 && touch(value, some[i - 1]!)))
    const whole = fitting.find((some) => some[0] === sorted[0] && some.at(-1) === sorted.at(-1))
    if (whole && 3 * whole.length > fitting[0]!.length) return whole
    if (fitting.length > 0) return fitting[0]!
  }
  const kept: number[] = []
  for (const value of [sorted[0], sorted.at(-1)!, ...sorted]) {
    if (!kept.some((other) => touch(value!, other))) kept.push(value!)
  }
  return kept.sort((a, b) => a - b)
}

/** Every value, every second, every third, …, with zero among them where it occurs. */
function everyFew(sorted: readonly number[]): number[][] {
  return sorted
    .slice(1)
    .map((_, skipped) => sorted.filter((_, i) => i % (skipped + 1) === Math.max(0, sorted.indexOf(0)) % (skipped + 1)))
}

/** True when all steps between the values are the same, rounding aside. */
function isEven(sorted: readonly number[]): boolean {
  const step = sorted[1]! - sorted[0]!
  return sorted.every((value, i) => Math.abs(value - sorted[0]! - i * step) < 1e-6 * Math.abs(step))
}

/** True when the values span so many decades that most of them would lie on the zero line of a linear scale. */
export function spansDecades(values: readonly number[]): boolean {
  const sizes = values
    .map(Math.abs)
    .filter((size) => size > 0)
    .sort((a, b) => a - b)
  return sizes.length >= 4 && sizes.at(-1)! > 20 * sizes[Math.floor((sizes.length - 1) / 2)]!
}

export interface Symlog {
  /** Below this size the scale is linear. */
  constant: number
  domain: [number, number]
  ticks: number[]
}

/** An x axis on a symmetric log scale. @param width pixels */
export function symlogX(values: readonly number[], width: number) {
  // Labels of numbers are wider than they are high.
  const { constant, domain, ticks } = symlogOf(values, width / 2)
  return {
    scale: { type: 'symlog', constant, domain, nice: false },
    axis: { values: ticks, labelExpr: LABEL, labelOverlap: false, grid: false },
  }
}

/** The title of an axis on a symmetric log scale. */
export const symlogTitle = (title: string): string =>
  title.endsWith(')') ? title.replace(/\)$/, '; symmetric log)') : `${title} (symmetric log)`

/** A symmetric log scale over these values on `length` pixels, with ticks at zero and at powers of ten that do not touch. */
export function symlogOf(values: readonly number[], length: number): Symlog {
  const sizes = values
    .map(Math.abs)
    .filter((size) => size > 0)
    .sort((a, b) => a - b)
  const top = Math.floor(Math.log10(sizes.at(-1) ?? 1))
  // A tenth of the values may fall into the linear part; at most five decades are shown, so that labels do not crowd.
  const bottom = Math.max(top - 4, Math.min(top, Math.floor(Math.log10(sizes[Math.floor(sizes.length / 10)] ?? 1))))
  const powers = Array.from({ length: top - bottom + 1 }, (_, i) => Number(`1e${bottom + i}`))
  const constant = powers[0]!
  const beyond = (value: number) => value * 1.3
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)]
  const domain: [number, number] = [
    low < 0 ? Math.min(beyond(low), -constant) : 0,
    high > 0 ? Math.max(beyond(high), constant) : 0,
  ]
  const place = (value: number) => Math.sign(value) * Math.log1p(Math.abs(value) / constant)
  const pixels = length / (place(domain[1]) - place(domain[0]))
  const kept: number[] = []
  for (const tick of [0, ...[...powers].reverse().flatMap((power) => [power, -power])]) {
    if (tick < domain[0] || tick > domain[1]) continue
    if (kept.every((other) => Math.abs(place(other) - place(tick)) * pixels >= 14)) kept.push(tick)
  }
  return { constant: constant, domain, ticks: kept.sort((a, b) => a - b) }
}
