// How far each way of dropping goes on each task, and whether rescaling is needed.
const TASKS = ['acceptability', 'sentiment', 'entailment', 'similarity']

export function finding({ rows, mean, digits, verdict }) {
  const rates = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95]
  const of = (task, label, rate) => mean({ task, label, drop_rate: rate }, 'score_edited')
  const post = (task) => mean({ task }, 'score_post')
  /** Highest rate up to which 95 % of the score are kept; 0 where there is none. */
  const limit = (task, label) => {
    const fails = rates.findIndex((rate) => of(task, label, rate) < 0.95 * post(task))
    return fails < 0 ? rates.at(-1) : fails === 0 ? 0 : rates[fails - 1]
  }
  const count = (test) => TASKS.filter(test).length
  return [
    ...TASKS.map((task) => {
      const { metric } = rows.find((row) => row.task === task)
      return `${task} (${metric}): base ${digits(mean({ task }, 'score_pre'))}, fine-tuned ${digits(post(task))}; at .9 DARE ${digits(of(task, 'dare', 0.9))}, drop-only ` +
        `${digits(of(task, 'drop-only', 0.9))}, magnitude ${digits(of(task, 'magnitude', 0.9))}; 95 % of the score are kept up to ${limit(task, 'dare')} by DARE, ${limit(task, 'drop-only')} ` +
        `by drop-only, ${limit(task, 'magnitude')} by magnitude.`
    }),
    `DARE at .9 keeps 95 % of the score on every task: ${verdict(count((task) => of(task, 'dare', 0.9) > 0.95 * post(task)) === TASKS.length)}.`,
    `Dropping without rescaling is worse than DARE at .9 on every task: ${verdict(count((task) => of(task, 'drop-only', 0.9) < of(task, 'dare', 0.9)) === TASKS.length)}.`,
    `DARE beats magnitude pruning at .9 on most tasks: ${verdict(count((task) => of(task, 'dare', 0.9) > of(task, 'magnitude', 0.9)) > TASKS.length / 2)}` +
      ` (${count((task) => of(task, 'dare', 0.9) > of(task, 'magnitude', 0.9))} of ${TASKS.length}, ${rows.length} runs).`,
  ]
}
