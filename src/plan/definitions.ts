// Which built-in methods give other numbers than in the first version. Rows of an older definition are not taken for rows of
// the present one, although their ids are the same.
import type { Edit } from '../config/index.js'

/** Raise the number of a method, or add it with 2, when it gives other numbers than before for the same options. */
export const DEFINITIONS: Readonly<Record<string, number>> = {
  // Leading singular triplets of big matrices come from another iteration (decision 15), and its first block from the matrix.
  'editor lowrank': 3,
  'editor delta_come': 3,
  'merger twin': 3,
  'merger tsv_merge': 3,
  // mergekit 0.1.5's counts: at least one entry, a band also without outliers, selections in float32.
  // Since then: rows are outputs, also of matrices that are stored [inputs, outputs].
  'editor breadcrumbs': 3,
  'editor magnitude': 3,
  'merger ties': 2,
  'merger sce': 2,
  'merger model_stock': 3,
  // The same.
  'editor magprune': 2,
  'merger widen': 2,
  'merger knots_ties': 2,
  // Singular vectors left by beta, where 1 - beta has a rounding error.
  'editor impart': 2,
}

/** The methods of an edit, by the names that they have there. */
export const methodNames = ({ steps, merge }: Pick<Edit, 'steps' | 'merge'>): string[] => [
  ...new Set([...steps.map(({ editor }) => `editor ${editor}`), ...(merge ? [`merger ${merge.merger}`] : [])]),
]
