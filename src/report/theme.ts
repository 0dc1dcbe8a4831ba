// How every figure looks: a white card with dark ink (legible in print and on a dark page), the Okabe–Ito palette, and for
// each series a colour, a point shape and a dash together, so that it survives colour blindness and grey prints.
import type { Config } from 'vega-lite'
import { FONT_FAMILY, textWidth } from './font.js'
import type { SeriesStyle } from './style.js'

const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#8C6D31']
const SHAPES = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down']
const DASHES = [
  [1, 0],
  [7, 2],
  [2, 2],
  [9, 2, 2, 2],
  [4, 2],
]

/** Style of the `index`-th series; `variant` counts the measures drawn for it (exact change, Riemann sum, …). */
export function styleOf(name: string, index: number, variant = 0): SeriesStyle {
  const dash = variant === 0 ? DASHES[index % DASHES.length] : DASHES[variant % DASHES.length]
  return {
    name,
    colour: COLOURS[index % COLOURS.length]!,
    shape: SHAPES[index % SHAPES.length]!,
    dash: dash!,
    open: variant > 0,
    points: true,
  }
}

/** The two ends of every figure: dashed, thin, without points. */
export const REFERENCES: readonly SeriesStyle[] = [
  { name: 'post-trained', colour: '#222222', shape: 'circle', dash: [8, 4], open: false, points: false },
  { name: 'base', colour: '#777777', shape: 'circle', dash: [2, 3], open: false, points: false },
]

export const INK = '#222222'

export const THEME: Config = {
  background: '#ffffff',
  padding: 14,
  font: FONT_FAMILY,
  view: { stroke: '#999999', strokeWidth: 0.8 },
  axis: {
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 10,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    titlePadding: 7,
    gridColor: '#e4e4e4',
    gridWidth: 0.7,
    domainColor: '#999999',
    tickColor: '#999999',
    tickSize: 4,
  },
  header: { labelColor: INK, labelFontSize: 11, labelFontWeight: 'bold', labelPadding: 5, title: null },
  title: {
    color: INK,
    fontSize: 13,
    fontWeight: 'bold',
    subtitleColor: '#555555',
    subtitleFontSize: 10,
    subtitlePadding: 5,
    anchor: 'start',
    offset: 12,
  },
  legend: { labelColor: INK, titleColor: INK, labelFontSize: 10, titleFontSize: 10, titleFontWeight: 'normal' },
}

const LINE = 24
const ROW = 18
const SIZE = 10.5

/** A legend drawn as a chart of its own in pixels: sample line, point and name, broken into as many lines as `width` asks for. */
export function legendSpec(styles: readonly SeriesStyle[], width: number): object {
  let [x, row] = [0, 0]
  const entries = styles.map((style) => {
    const needs = LINE + 6 + textWidth(style.name, SIZE)
    if (x > 0 && x + needs > width) [x, row] = [0, row + 1]
    const entry = {
      name: style.name,
      x,
      middle: x + LINE / 2,
      end: x + LINE,
      text: x + LINE + 6,
      y: row * ROW + ROW / 2,
    }
    x += needs + 14
    return entry
  })
  const layer = entries.flatMap((entry, i) => legendMarks(entry, styles[i]!))
  return { width, height: (row + 1) * ROW, view: { stroke: null }, layer }
}

/** Line and point, or square, and the name of one entry, whose places are pixels. */
function legendMarks(entry: object, { box, marks, colour, dash, shape, open, points }: SeriesStyle): object[] {
  const data = { values: [entry] }
  const pixels = (field: string) => ({ field, type: 'quantitative', scale: null, axis: null })
  const y = pixels('y')
  const line = {
    data,
    mark: { type: 'rule', color: colour, strokeDash: dash, strokeWidth: points ? 1.8 : 1.3 },
    encoding: { x: pixels('x'), x2: { field: 'end' }, y },
  }
  const symbol = (mark: object) => ({
    data,
    mark: { type: 'point', filled: true, stroke: colour, ...mark },
    encoding: { x: pixels('middle'), y },
  })
  const point = symbol({ shape, size: 45, fill: open ? '#ffffff' : colour, strokeWidth: 1.4, opacity: 1 })
  const square = symbol({ shape: 'square', size: 110, fill: colour, fillOpacity: 0.45, strokeWidth: 1.2, opacity: 1 })
  const text = {
    data,
    mark: { type: 'text', align: 'left', baseline: 'middle', fontSize: SIZE, color: INK },
    encoding: { x: pixels('text'), y, text: { field: 'name' } },
  }
  return box ? [square, text] : marks ? [point, text] : points ? [line, point, text] : [line, text]
}
