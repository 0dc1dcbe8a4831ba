// What a figure of the page is made from.
import type { Row, View } from '../record/index.js'
import type { FigureSource } from '../report/index.js'

/** What a figure shows. */
export interface ChartContent {
  source: FigureSource
  /** The rows of the source by their id. */
  byId: ReadonlyMap<string, Row>
  view: Partial<View>
}
