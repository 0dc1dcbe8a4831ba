// A kind of file that people give: valid ones, and what a command makes of one.
import type { Form } from './mutate.js'

export interface Sample {
  /** The file that is changed. */
  file: string
  /** What is found in it, in numbers and texts: none may be NaN or infinite, and a neutral change may not change them. */
  read(): Promise<unknown>
  /** Words of a command that reads it. */
  command?: string[] | undefined
}

export interface Kind {
  name: string
  form: Form
  /** Puts valid files into the folder. */
  open(folder: string): Promise<Sample[]> | Sample[]
}

/** Sum and number of values: what is compared of many. */
export const digest = (values: ArrayLike<number>): [number, number] => [
  Array.from(values).reduce((a, b) => a + b, 0),
  values.length,
]
