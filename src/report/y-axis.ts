// The y axis of a figure: its title with the unit, and its scale.

import { otherScore } from '../record/index.js'
import { brokenTitle, LABEL, symlogOf, symlogTitle } from './axis.js'
import { extremes } from './extremes.js'
import type { FigureInput, Headings } from './panels.js'
import { hasMetric, metricWords, wordsOf } from './words.js'

const withUnit = (words: string, { lossUnit }: Headings) => words.replace('nats per token', lossUnit)

/** Title and unit of one measure. */
export const axisTitle = (name: string, headings: Headings): string =>
  withUnit(wordsOf(name, headings.metrics).axis, headings)

/** Title and unit of the measures drawn. Where scores are drawn, the title is the name of their metric. */
export function yTitle({ options, headings }: FigureInput, symlog: boolean): string {
  const words = wordsOf(options.y[0]!, headings.metrics)
  const said =
    options.y.length > 1 && !hasMetric(options.y[0]!) && !otherScore(options.y[0]!) && words.kind === 'loss'
      ? 'loss change (nats per token)'
      : options.y.length > 1 && options.y.some(otherScore) && words.kind === 'share'
        ? 'share of the items (%)'
        : options.y[0] === 'score_edited' && words.kind === 'share'
          ? `${metricWords(headings.metric)} (%)`
          : words.axis
  const title = withUnit(said, headings)
  return symlog ? symlogTitle(title) : title
}

/** vega-lite encoding of the field `y`, whose values are `ys`. */
export function yEncoding(ys: readonly number[], symlog: boolean, input: FigureInput) {
  const { height } = input.grid
  return {
    field: 'y',
    type: 'quantitative',
    title: brokenTitle(yTitle(input, symlog), height),
    ...(symlog
      ? symlogScale(ys, height)
      : wordsOf(input.options.y[0]!, input.headings.metrics).kind === 'share'
        ? shareScale(ys)
        : FREE_SCALE),
  }
}

const FREE_SCALE = { scale: { zero: false, nice: true, padding: 6 }, axis: { labelExpr: LABEL, tickCount: 6 } }

function symlogScale(ys: readonly number[], height: number) {
  const { constant, domain, ticks } = symlogOf(ys, height)
  return {
    scale: { type: 'symlog', constant, domain, nice: false },
    axis: { values: ticks, labelExpr: LABEL, labelOverlap: false },
  }
}

/** Percentages: the axis ends at multiples of 10, 5 or 1, and for scores within 0…100. */
function shareScale(ys: readonly number[]) {
  const [low, high] = extremes(ys)
  const step = high - low > 30 ? 10 : high - low > 10 ? 5 : 1
  // Error bars may leave 0…100 %, the axis of a score may not; a gap may be negative.
  const bound = (value: number) => (low >= -5 && high <= 105 ? Math.max(0, Math.min(100, value)) : value)
  const [bottom, top] = [bound(Math.floor(low / step) * step), bound(Math.ceil(high / step) * step)]
  return {
    scale: { domain: bottom === top ? [bottom - 1, top + 1] : [bottom, top], nice: false, zero: false, padding: 6 },
    axis: { labelExpr: LABEL, tickCount: 6 },
  }
}
