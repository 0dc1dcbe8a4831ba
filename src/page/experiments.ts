// The experiments of the page with their rows as records again.
import type { Row, Term } from '../record/index.js'
import { type FigureSource, type PackedExperiment, type PageData, unpackRecords } from '../report/index.js'

/** An experiment of the page. */
export interface ShownExperiment extends Omit<PackedExperiment, 'rows' | 'terms' | 'order'> {
  /** What its figures are made from. */
  source: FigureSource
  /** Its rows by their id. */
  byId: ReadonlyMap<string, Row>
}

export const readExperiments = ({ experiments }: PageData): ShownExperiment[] =>
  experiments.map(({ rows, terms, order, ...experiment }) => {
    const all = unpackRecords<Row>(rows)
    const source = {
      rows: all,
      terms: unpackRecords<Term>(terms),
      order: new Map(order.map((word, place) => [word, place])),
      title: experiment.title,
      axes: experiment.axes,
    }
    return { ...experiment, source, byId: new Map(all.map((row) => [row.id, row])) }
  })
