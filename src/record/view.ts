// What a results folder is to show: the `report` section of a config, stored in config.yaml beside the rows.
import { z } from 'zod'

const column = z.string().min(1)

export const viewSchema = z.strictObject({
  title: z.string().optional().describe('Title of the figure; the title of the experiment unless given.'),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'lower-case letters, digits and dashes').optional()
    .describe('File name of the figure; `figure` unless given.'),
  kind: z.enum(['line', 'box', 'heat']).default('line')
    .describe('Lines of means over seeds; boxes of per-tensor Riemann terms (or of runs, with `y`); or a coloured grid of `x` against `series`.'),
  x: column.optional().describe('Column or editor option on the x axis; the axis of the editors unless given.'),
  y: z.union([column, z.array(column).min(1)]).optional().describe('Measured column or columns on the y axis; score_edited unless given.'),
  series: z.union([column, z.array(column).min(1)]).optional().describe('Column or columns that give each line its colour; label, and what else varies, unless given.'),
  columns: column.optional().describe('Column whose values are panels side by side; task (or model and task, where the pairs do not fill a grid) unless given.'),
  rows: column.optional().describe('Column whose values are panels one below the other; model unless given.'),
  references: z.boolean().default(true).describe('Base and post-trained model as reference lines.'),
  log_x: z.boolean().default(false).describe('A logarithmic x axis.'),
  log_y: z.boolean().optional().describe('A (symmetric) logarithmic y axis; chosen from the values unless given.'),
})

/** One figure. */
export type View = z.infer<typeof viewSchema>
