// The figures of a results folder: the `report` section of its config, stored in config.yaml beside the rows.
import { z } from 'zod'
import { section } from '../schema/index.js'

const column = z.string().min(1)
const value = z.union([z.string(), z.number(), z.boolean()])

export const viewSchema = section({
  title: z.string().optional().describe('Title of the figure. Default: the title of the experiment.'),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/, {
      error: ({ input }) => `must be lower-case letters, digits and dashes; got ${JSON.stringify(input)}`,
    })
    .optional()
    .describe('File name of the figure. Default: `figure`.'),
  kind: z
    .enum(['line', 'box', 'heat', 'scatter'])
    .default('line')
    .describe(
      '`line`: means over seeds. `box`: boxes of the Riemann terms of tensors (with `y`: of runs). `heat`: a coloured grid of `x` against `series`. `scatter`: a point per edit, the measure `y` against the measure `x` (default: bits_per_parameter).',
    ),
  where: z
    .record(column, z.union([value, z.array(value).min(1)]))
    .optional()
    .describe('Show only runs in which each of these columns has the given value, or one of the given values.'),
  select: z
    .union([column, z.array(column).min(1)])
    .optional()
    .describe(
      'Columns or options to choose: only the value that is best on the validation items is shown, for every merge, or for every edit and task.',
    ),
  x: column
    .optional()
    .describe(
      'Column or option on the x axis (for a chain, e.g. `bitdelta.multiplier`). Default: the option that the editors vary.',
    ),
  y: z
    .union([column, z.array(column).min(1)])
    .optional()
    .describe('Measured column or columns on the y axis. Default: score_edited.'),
  series: z
    .union([column, z.array(column).min(1)])
    .optional()
    .describe('Column or columns that give each line its colour. Default: label, and whatever else varies.'),
  columns: column
    .optional()
    .describe(
      'Column whose values are panels side by side. Default: task, or model and task if the pairs do not fill a grid.',
    ),
  rows: column
    .optional()
    .describe(
      'Column whose values are panels below each other. Default: model. If the pairs do not fill a grid, they stand one after the other.',
    ),
  references: z.boolean().default(true).describe('Draw the base and the post-trained model as reference lines.'),
  log_x: z.boolean().default(false).describe('Logarithmic x axis.'),
  log_y: z.boolean().optional().describe('Symmetric logarithmic y axis. Default: chosen from the values.'),
})

/** One figure. */
export interface View extends z.infer<typeof viewSchema> {}

/**
 * Measures that are no columns of a row: the distance to the post-trained score, the terms of terms.csv, the error of the edited
 * delta relative to the delta (of `rest` without the tensors that dominate it), and the divergence from the post-trained model.
 */
export const DERIVED = [
  'gap',
  'term',
  'relative_error',
  'relative_error_rest',
  'kl',
  'cosine',
  'same_top',
  'perplexity_ratio',
] as const

/** Every column that a view names, and the key that names it. */
export function columnsOfView(view: Partial<View>): { key: string; name: string }[] {
  const keys = ['x', 'y', 'series', 'columns', 'rows', 'select'] as const
  return [
    ...keys.map((key) => ({ key, names: [view[key] ?? []].flat() })),
    { key: 'where', names: Object.keys(view.where ?? {}) },
  ].flatMap(({ key, names }) => names.map((name) => ({ key, name })))
}
