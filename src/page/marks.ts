// The marks of a figure that say what stands behind them: to a pointer near them, and to keys.
import { namedOptions, type Row } from '../record/index.js'
import { significant, wordsOf } from '../report/index.js'
import { rangesOf } from './about.js'
import type { MarkContent } from './content.js'
import { hideTip, showTip } from './tip.js'

/** A mark's data: a mean over runs, or a box. */
interface MarkDatum {
  series: string
  column: string
  row: string
  x: string | number
  y?: number
  value?: number
  low?: number
  high?: number
  runs?: string[]
  /** Median and quartiles of a box. */
  mid_box_y?: number
  lower_box_y?: number
  upper_box_y?: number
}

/** An element that vega drew, with what it stands for. */
type Mark = SVGElement & { __data__?: { datum?: MarkDatum; mark?: { marktype: string } } }

/** How far from a mark a pointer may be, in pixels: a finger is wide. */
const NEAR = 16

/** Notes on the marks of a drawing. One mark is reached by the tab key, the others by the arrow keys. */
export function watchMarks(svg: SVGSVGElement, content: MarkContent): void {
  const marks = [...svg.querySelectorAll<Mark>('.role-mark path')].filter(
    ({ __data__: item }) =>
      (item?.datum?.runs && ['symbol', 'rect'].includes(item.mark!.marktype)) ||
      (item?.datum?.mid_box_y !== undefined && item.mark!.marktype === 'rect'),
  )
  if (marks.length === 0) return
  svg.setAttribute('role', 'group')
  const show = (mark: Mark) => {
    const { heading, lines } = wordsOfMark(mark.__data__!.datum!, content)
    showTip(mark, heading, lines)
  }
  for (const mark of marks) {
    const { heading, lines } = wordsOfMark(mark.__data__!.datum!, content)
    mark.setAttribute('tabindex', mark === marks[0] ? '0' : '-1')
    mark.setAttribute('role', 'img')
    mark.setAttribute('aria-label', [heading, ...lines.map(([name, value]) => `${name} ${value}`)].join(', '))
    mark.addEventListener('focus', () => show(mark))
    mark.addEventListener('blur', hideTip)
  }
  svg.addEventListener('keydown', ({ key }) => {
    const at = marks.indexOf(document.activeElement as Mark)
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key]
    if (key === 'Escape') hideTip()
    if (at < 0 || step === undefined) return
    marks[(at + step + marks.length) % marks.length]!.focus()
  })
  const point = ({ clientX, clientY }: PointerEvent) => {
    const mark = nearestMark(marks, clientX, clientY)
    if (mark) show(mark)
    else hideTip()
  }
  svg.addEventListener('pointermove', point)
  svg.addEventListener('pointerdown', point)
  svg.addEventListener('pointerleave', hideTip)
}

function nearestMark(marks: readonly Mark[], x: number, y: number): Mark | null {
  let [nearest, least]: [Mark | null, number] = [null, Infinity]
  for (const mark of marks) {
    const { left, right, top, bottom } = mark.getBoundingClientRect()
    const far = Math.hypot(x - (left + right) / 2, y - (top + bottom) / 2)
    const isIn = x >= left && x <= right && y >= top && y <= bottom
    if (far < least && (isIn || far < NEAR)) [nearest, least] = [mark, far]
  }
  return nearest
}

/** What stands behind a mark: its place, mean and error, the options of its runs, and their seeds. */
function wordsOfMark(datum: MarkDatum, { byId, x, y }: MarkContent): { heading: string; lines: [string, string][] } {
  const heading = [datum.series, datum.column, datum.row].filter(Boolean).join(', ')
  const at: [string, string] = [x, String(typeof datum.x === 'number' ? Number(datum.x.toPrecision(6)) : datum.x)]
  if (datum.runs === undefined) {
    const [low, median, high] = [datum.lower_box_y, datum.mid_box_y, datum.upper_box_y].map((value) =>
      significant(value!),
    )
    return { heading, lines: [at, ['median', median!], ['quartiles', `${low} and ${high}`]] }
  }
  const rows = datum.runs.flatMap((id) => byId.get(id) ?? [])
  const mean = datum.y ?? datum.value
  const error = datum.high !== undefined && datum.low !== undefined ? (datum.high - datum.low) / 2 : 0
  const lines: [string, string][] = [
    at,
    [
      y.length === 1 ? y[0]! : 'mean',
      mean === undefined ? '–' : `${significant(mean)}${rows.length > 1 && error ? ` ± ${significant(error, 2)}` : ''}`,
    ],
    ...sharedOptions(rows).filter(([name]) => name !== at[0]),
    ['runs', String(rows.length)],
    ['seeds', rangesOf(rows.flatMap(({ seed }) => seed ?? [])) || 'none'],
  ]
  return { heading, lines }
}

/** Model, task and options of the runs, with all values of those in which they differ. */
function sharedOptions(rows: readonly Row[]): [string, string][] {
  // Rows are many, and their combinations of options few.
  const all = [...new Set(rows.map(({ options }) => options))].map(namedOptions)
  const models = rows.map(({ model }) => model)
  const tasks = rows.map(({ task }) => task)
  const options = [...new Set(all.flatMap((each) => Object.keys(each)))].map(
    (name) => [name, all.map((each) => String(each[name] ?? '–'))] as const,
  )
  return [['model', models] as const, ['task', tasks] as const, ...options].map(([name, found]) => {
    const values = [...new Set(found)]
    return [wordsOf(name).heading, values.length > 5 ? `${values.length} values` : values.join(', ')]
  })
}
