// What a results folder is to show: the `report` section of a config, stored in config.yaml beside the rows.
import { z } from 'zod'

const column = z.string().min(1)
const value = z.union([z.string(), z.number(), z.boolean()])

export const viewSchema = z.strictObject({
  title: z.string().optional().describe('Title of the figure; the title of the experiment unless given.'),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/, 'lower-case letters, digits and dashes')
    .optional()
    .describe('File name of the figure; `figure` unless given.'),
  kind: z
    .enum(['line', 'box', 'heat'])
    .default('line')
    .describe(
      'Lines of means over seeds; boxes of per-tensor Riemann terms (or of runs, with `y`); or a coloured grid of `x` against `series`.',
    ),
  where: z
    .record(column, z.union([value, z.array(value).min(1)]))
    .optional()
    .describe('Only runs in which each of these columns has the value, or one of the values, given.'),
  select: z
    .union([column, z.array(column).min(1)])
    .optional()
    .describe(
      'Columns or options of which only the value that is best on the validation items is shown, for every merge, or edit and task.',
    ),
  x: column
    .optional()
    .describe(
      'Column or option on the x axis (in a chain `bitdelta.multiplier`); the axis of the editors unless given.',
    ),
  y: z
    .union([column, z.array(column).min(1)])
    .optional()
    .describe('Measured column or columns on the y axis; score_edited unless given.'),
  series: z
    .union([column, z.array(column).min(1)])
    .optional()
    .describe('Column or columns that give each line its colour; label, and what else varies, unless given.'),
  columns: column
    .optional()
    .describe(
      'Column whose values are panels side by side; task (or model and task, where the pairs do not fill a grid) unless given.',
    ),
  rows: column.optional().describe('Column whose values are panels one below the other; model unless given.'),
  references: z.boolean().default(true).describe('Base and post-trained model as reference lines.'),
  log_x: z.boolean().default(false).describe('A logarithmic x axis.'),
  log_y: z.boolean().optional().describe('A (symmetric) logarithmic y axis; chosen from the values unless given.'),
})

/** One figure. */
export interface View extends z.infer<typeof viewSchema> {}

/** Measures that are made from a row, not in it: the distance to the post-trained score, and the per-tensor terms of terms.csv. */
export const DERIVED = ['gap', 'term'] as const

/** Every column that views name, and where: `x`, `y`, `where`, … */
export function columnsOfView(view: Partial<View>): { key: string; name: string }[] {
  const keys = ['x', 'y', 'series', 'columns', 'rows', 'select'] as const
  return [
    ...keys.map((key) => ({ key, names: [view[key] ?? []].flat() })),
    { key: 'where', names: Object.keys(view.where ?? {}) },
  ].flatMap(({ key, names }) => names.map((name) => ({ key, name })))
}
