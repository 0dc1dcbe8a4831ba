// How a series looks.

/** Colour, point and dash of a series, which tell it from the others together. */
export interface SeriesStyle {
  name: string
  colour: string
  shape: string
  dash: number[]
  /** Open points mark the second and later measures of the same series. */
  open: boolean
  /** A reference line has no points. */
  points: boolean
  /** A scatter shows points without a line. */
  marks?: boolean
  /** A box plot shows the colour alone. */
  box?: boolean
}
