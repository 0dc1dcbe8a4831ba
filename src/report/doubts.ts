// What in the rows makes one doubt them: nothing edited, nothing scored, and classes that could go either way.
import type { Row } from '../record/index.js'

/** One sentence for each doubt; rows of failed runs have none. */
export function doubtsOf(all: readonly Row[]): string[] {
  const rows = all.filter(({ status }) => status === 'ok')
  const equal = namesOf(rows, 'model', (own) => own.every(({ delta_norm: norm }) => norm === 0))
  const zero = namesOf(rows, 'task', (own) =>
    own.every(({ score_pre, score_post, score_edited }) => score_pre === 0 && score_post === 0 && score_edited === 0),
  )
  const classed = rows.filter((row) => row.class !== null)
  const single = classed.filter(({ loss_change_se: error }) => error === null)
  const open = classed.filter(isOpen)
  const some = (few: readonly Row[]) =>
    classed.length === 1 ? 'the class is' : `${few.length} of ${classed.length} classes are`
  return [
    equal.length ? `base and post of ${equal.join(', ')} are equal: there is no delta to edit` : '',
    zero.length
      ? `all scores on ${zero.join(', ')} are 0, of base and post too: does the model know this form of prompt and answer?`
      : '',
    single.length ? `${some(single)} of one item, without an error` : '',
    open.length ? `${some(open)} undecided: within one standard error of the border to another; more items decide` : '',
  ].filter(Boolean)
}

/** Whether the loss change lies within one of its standard errors of the border between two classes, which is at two. */
function isOpen({ loss_change: change, loss_change_se: error }: Row): boolean {
  return change !== null && error !== null && error > 0 && Math.abs(Math.abs(change) - 2 * error) < error
}

/** Values of a column whose rows are all so. */
function namesOf(rows: readonly Row[], column: 'model' | 'task', isSo: (own: readonly Row[]) => boolean): string[] {
  return [...new Set(rows.map((row) => row[column]))].filter((name) => isSo(rows.filter((row) => row[column] === name)))
}
