// A figure in the page: the same specification as that of `deltalab plot`, with a legend that hides series, and notes on its marks.
import { parse, View } from 'vega'
import { expressionInterpreter } from 'vega-interpreter'
import { compile, type TopLevelSpec } from 'vega-lite'
import { pageSpec, type SeriesStyle } from '../report/index.js'
import type { ChartContent } from './content.js'
import { make, scrollBox } from './dom.js'
import { watchMarks } from './marks.js'

/** The parts of a specification that the page takes apart. */
interface PanelSpec {
  title: { text: string; subtitle: string[] }
  data: { values: { series?: string }[] }
  config: object
  usermeta: { series: SeriesStyle[]; x: string; y: string[] }
  vconcat: object[]
}

/** Draws a figure into an element. What cannot be drawn says why. */
export async function drawChart(holder: HTMLElement, content: ChartContent): Promise<void> {
  let spec: PanelSpec
  try {
    // The scroll box is as wide as the inside of the figure.
    const { paddingLeft, paddingRight } = getComputedStyle(holder)
    const room = holder.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight)
    spec = pageSpec(content.source, content.view, room) as unknown as PanelSpec
  } catch (error) {
    holder.replaceChildren(make('p', { class: 'problem', role: 'alert' }, (error as Error).message))
    return
  }
  const hidden = new Set<string>()
  const { title, usermeta } = spec
  const drawing = make('div', { class: 'drawing' })
  const draw = () => drawInto(drawing, spec, hidden, content)
  const entries = usermeta.series.map((style) => {
    const toggle = (): void => {
      if (!hidden.delete(style.name)) hidden.add(style.name)
      entry.setAttribute('aria-pressed', String(!hidden.has(style.name)))
      void draw()
    }
    const entry = make('button', { type: 'button', 'aria-pressed': 'true', click: toggle }, sampleOf(style), style.name)
    return entry
  })
  holder.replaceChildren(
    make('figcaption', {}, make('strong', {}, title.text), make('span', {}, title.subtitle.join(' '))),
    make('div', { class: 'legend', role: 'group', 'aria-label': 'Series: press to hide or show' }, ...entries),
    scrollBox(title.text, drawing),
  )
  await draw()
}

async function drawInto(
  drawing: HTMLElement,
  { title: _, vconcat, config, data, usermeta, ...spec }: PanelSpec,
  hidden: ReadonlySet<string>,
  content: ChartContent,
): Promise<void> {
  const values = data.values.filter(({ series }) => series === undefined || !hidden.has(series))
  const shown = { ...spec, data: { values }, vconcat: vconcat.slice(0, 1), config: { ...config, background: null } }
  const compiled = compile(shown as unknown as TopLevelSpec).spec
  // The page's policy forbids code made of text: expressions are interpreted.
  const runtime = parse(compiled, undefined, { ast: true })
  drawing.replaceChildren()
  const view = new View(runtime, { expr: expressionInterpreter, renderer: 'svg', container: drawing, hover: false })
  await view.runAsync()
  watchMarks(drawing.querySelector('svg')!, { byId: content.byId, ...usermeta })
}

const PATHS: Readonly<Record<string, string>> = {
  circle: 'M12 2.5a3.5 3.5 0 1 0 .01 0Z',
  square: 'M9 3h6v6h-6Z',
  'triangle-up': 'M12 2l4 7h-8Z',
  diamond: 'M12 1.5l4 4.5l-4 4.5l-4-4.5Z',
  cross: 'M10.8 2h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8v-2.4h2.8Z',
  'triangle-down': 'M12 10l4-7h-8Z',
}

/** Line and point of a series, as they are in the figure. */
function sampleOf({ colour, dash, shape, open, points, marks, box }: SeriesStyle): SVGElement {
  const draw = (name: string, attributes: Record<string, string>): SVGElement => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name)
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
    return element
  }
  const sample = draw('svg', { width: '24', height: '12', viewBox: '0 0 24 12', 'aria-hidden': 'true' })
  if (!marks && !box)
    sample.append(
      draw('path', { d: 'M0 6h24', stroke: colour, 'stroke-width': '1.8', 'stroke-dasharray': dash.join(' ') }),
    )
  if (points || marks || box)
    sample.append(draw('path', { d: PATHS[box ? 'square' : shape]!, stroke: colour, fill: open ? '#ffffff' : colour }))
  return sample
}
