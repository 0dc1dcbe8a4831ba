// Which k and rates are competitive on image classifiers, and DARE against magnitude pruning.
const TASKS = ['digit', 'orientation', 'count', 'texture', 'position']
/** Columns of the table, and their rows. */
const SHOWN = [
  ['DARE .5', { label: 'dare', drop_rate: 0.5 }],
  ['DARE .9', { label: 'dare', drop_rate: 0.9 }],
  ['magnitude .9', { label: 'magnitude', drop_rate: 0.9 }],
  ['drop-only .9', { label: 'drop-only', drop_rate: 0.9 }],
  ['k = −1, p = .1', { label: 'extended', drop_rate: 0.1, k: -1 }],
  ['k = −1, p = .9', { label: 'extended', drop_rate: 0.9, k: -1 }],
]

export function finding({ rows, mean, score, percent, verdict, spearman, digits }) {
  const rates = [0.1, 0.3, 0.5, 0.7, 0.9]
  const factors = [-1, -0.5, 0, 0.5, 0.8]
  const labels = ['dare', 'extended']
  const share = (wanted) => mean(wanted, 'score_edited') / mean({ task: wanted.task }, 'score_post')
  const competitive = (p, k) => TASKS.filter((task) => share({ task, label: labels, drop_rate: p, k }) > 0.95)
  const cells = rates.flatMap((p) => factors.map((k) => ({ p, k, size: ((k - 1) ** 2 * p) / (1 - p) })))
  const order = TASKS.map((task) => [
    task,
    spearman(
      cells.map(({ size }) => size),
      cells.map(({ p, k }) => mean({ task, label: labels, drop_rate: p, k }, 'loss_change')),
    ),
  ])
  const better = rates.map((p) =>
    TASKS.filter(
      (task) =>
        mean({ task, label: 'dare', drop_rate: p }, 'score_edited') >
        mean({ task, label: 'magnitude', drop_rate: p }, 'score_edited'),
    ),
  )
  return [
    {
      head: ['task', 'base', 'fine-tuned', ...SHOWN.map(([name]) => name)],
      rows: TASKS.map((task) => [
        task,
        percent(mean({ task }, 'score_pre')),
        percent(mean({ task }, 'score_post')),
        ...SHOWN.map(([, wanted]) => score({ task, ...wanted })),
      ]),
    },
    `Every k is competitive (95 % of the score) at p = .1: ${verdict(factors.every((k) => competitive(0.1, k).length === TASKS.length))}.`,
    `DARE (k = 0) is competitive at p = .9 on ${competitive(0.9, 0).join(', ') || 'no task'}; k = .5 on ${competitive(0.9, 0.5).join(', ') || 'no task'}; k = −1 on ${competitive(0.9, -1).join(', ') || 'no task'}.`,
    `DARE beats magnitude pruning at p = ${rates.map((p, i) => `${p} on ${better[i].length}`).join(', ')} of ${TASKS.length} tasks; on most at .9: ${verdict(better.at(-1).length > TASKS.length / 2)}.`,
    `Rank correlation of the mean loss change with (k − 1)² p/(1 − p) over ${cells.length} cells: ${order.map(([task, rho]) => `${task} ${digits(rho)}`).join(', ')} (${rows.length} runs).`,
  ]
}
