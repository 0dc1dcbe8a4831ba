// How far each way of dropping goes on each task of each encoder, and whether rescaling is needed.
const LABELS = ['dare', 'drop-only', 'magnitude']
const RATES = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95]

export function finding({ rows, mean, digits, verdict }) {
  const cells = [
    ...new Map(rows.map(({ model, task, metric }) => [`${model} ${task}`, { model, task, metric }])).values(),
  ]
  const of = ({ model, task }, label, rate) => mean({ model, task, label, drop_rate: rate }, 'score_edited')
  const post = ({ model, task }) => mean({ model, task }, 'score_post')
  /** Highest of the rates up to which 95 % of the score are kept; 0 where there is none. */
  const limit = (cell, label) => {
    const fails = RATES.findIndex((rate) => of(cell, label, rate) < 0.95 * post(cell))
    return fails < 0 ? RATES.at(-1) : fails === 0 ? 0 : RATES[fails - 1]
  }
  const claim = (words, every, holds) => {
    const without = cells.filter((cell) => !holds(cell)).map(({ model, task }) => `${model} on ${task}`)
    const named = without.length > 0 && without.length < cells.length ? `; not ${without.join(', ')}` : ''
    const kept = cells.length - without.length
    return `${words} on ${every ? 'every task' : 'most tasks'}: ${verdict(every ? kept === cells.length : kept > cells.length / 2)} (${kept} of ${cells.length}${named}).`
  }
  return [
    {
      head: [
        'model',
        'task',
        'metric',
        'base',
        'fine-tuned',
        ...LABELS.map((label) => `${label} 0.9`),
        ...LABELS.map((label) => `${label} keeps 95 % to`),
      ],
      rows: cells.map((cell) => [
        cell.model,
        cell.task,
        cell.metric,
        digits(mean({ model: cell.model, task: cell.task }, 'score_pre')),
        digits(post(cell)),
        ...LABELS.map((label) => digits(of(cell, label, 0.9))),
        ...LABELS.map((label) => limit(cell, label)),
      ]),
    },
    claim('DARE at .9 keeps 95 % of the score', true, (cell) => of(cell, 'dare', 0.9) > 0.95 * post(cell)),
    claim(
      'Dropping without rescaling is worse than DARE at .9',
      true,
      (cell) => of(cell, 'drop-only', 0.9) < of(cell, 'dare', 0.9),
    ),
    claim('DARE beats magnitude pruning at .9', false, (cell) => of(cell, 'dare', 0.9) > of(cell, 'magnitude', 0.9)),
  ]
}
