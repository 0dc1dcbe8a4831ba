// What in the rows makes one doubt them: nothing edited, nothing scored, and classes that could go either way.
import { describeMetric } from '../naming/index.js'
import { MOST_NATS, type Row } from '../record/index.js'

/**
 * One sentence for each doubt; rows of failed runs have none.
 * @param classes whether the classes are shown, so that doubts about them are of use
 */
export function doubtsOf(all: readonly Row[], classes = true): string[] {
  const rows = all.filter(({ status }) => status === 'ok')
  const equal = namesOf(rows, 'model', (own) => own.every(({ delta_norm: norm }) => norm === 0))
  const zero = namesOf(rows, 'task', (own) =>
    own.every(
      ({ metric, score_pre, score_post, score_edited }) =>
        metric !== null &&
        describeMetric(metric).unit === 'share' &&
        score_pre === 0 &&
        score_post === 0 &&
        score_edited === 0,
    ),
  )
  const classed = rows.filter((row) => classes && row.class !== null)
  const single = classed.filter(({ loss_change_se: error, loss_kind: kind }) => error === null && kind !== 'kl')
  const open = classed.filter(isOpen)
  const oneSided = rows.filter(
    ({ loss_kind: kind, riemann_rule: rule }) => kind === 'kl' && (rule === 'left' || rule === 'right'),
  )
  const some = (few: readonly Row[]) =>
    classed.length === 1 ? 'the class is' : `${few.length} of ${classed.length} classes are`
  return [
    equal.length ? `base and post of ${equal.join(', ')} are equal: there is no delta to edit` : '',
    zero.length
      ? `all scores on ${zero.join(', ')} are 0, of base and post too: does the model know this form of prompt and answer?`
      : '',
    single.length ? `${some(single)} of one item, without an error` : '',
    open.length ? `${some(open)} undecided: within one standard error of the border to another; more items decide` : '',
    oneSided.length
      ? `the gradient of a divergence is 0 where the path begins: a ${oneSided[0]!.riemann_rule} sum of ${oneSided[0]!.riemann_steps} steps is about 1/${oneSided[0]!.riemann_steps} too ${oneSided[0]!.riemann_rule === 'left' ? 'small' : 'large'}; use gauss or midpoint`
      : '',
  ].filter(Boolean)
}

/**
 * Whether the loss change lies within one of its standard errors of the border between two classes: at two of them, and of a divergence
 * where all positions have so many nats.
 */
function isOpen({ loss_change: change, loss_change_se: error, loss_kind: kind, loss_tokens: tokens }: Row): boolean {
  if (change === null || error === null || error === 0) return false
  const border = kind === 'kl' ? MOST_NATS / tokens! : 2 * error
  return Math.abs(Math.abs(change) - border) < error
}

/** Values of a column whose rows are all so. */
function namesOf(rows: readonly Row[], column: 'model' | 'task', isSo: (own: readonly Row[]) => boolean): string[] {
  return [...new Set(rows.map((row) => row[column]))].filter((name) => isSo(rows.filter((row) => row[column] === name)))
}
