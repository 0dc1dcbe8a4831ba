// What a figure of the page is made from.
import type { Row, View } from '../record/index.js'
import type { FigureSource } from '../report/index.js'

/** What the notes on marks say: the rows by their id, and the headings of x and y. */
export interface MarkContent {
  byId: ReadonlyMap<string, Row>
  x: string
  y: readonly string[]
}

/** What a figure shows. */
export interface ChartContent {
  source: FigureSource
  /** The rows of the source by their id. */
  byId: ReadonlyMap<string, Row>
  view: Partial<View>
}
