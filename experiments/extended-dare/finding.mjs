// Competitive for k ≠ 0, and the order of the damage.
const SKILLS = ['math', 'code', 'instruct']
/** Factors and drop rates of the table; k = 0 is DARE. */
const SHOWN = [
  [-1, 0.1],
  [-1, 0.5],
  [-1, 0.9],
  [0.5, 0.9],
  [0, 0.9],
]

export function finding({ rows, mean, score, verdict, spearman, digits }) {
  const rates = [0.1, 0.3, 0.5, 0.7, 0.9]
  const factors = [-1, -0.5, 0, 0.5, 0.8]
  const cells = rates.flatMap((p) => factors.map((k) => ({ p, k, size: ((k - 1) ** 2 * p) / (1 - p) })))
  const change = (task, { p, k }) => mean({ task, drop_rate: p, k }, 'loss_change')
  const order = SKILLS.map((task) => [
    task,
    spearman(
      cells.map(({ size }) => size),
      cells.map((cell) => change(task, cell)),
    ),
  ])
  const kept = SKILLS.every((task) =>
    factors.every((k) => mean({ task, drop_rate: 0.1, k }, 'score_edited') > 0.95 * mean({ task }, 'score_post')),
  )
  return [
    {
      head: ['task', ...SHOWN.map(([k, p]) => `k = ${k}, p = ${p}`)],
      rows: SKILLS.map((task) => [task, ...SHOWN.map(([k, drop_rate]) => score({ task, drop_rate, k }))]),
    },
    `Every k is competitive (95 % of the score) at p = .1, sign flips included: ${verdict(kept)}.`,
    `Every k is competitive at p = .9: ${verdict(SKILLS.every((task) => factors.every((k) => mean({ task, drop_rate: 0.9, k }, 'score_edited') > 0.95 * mean({ task }, 'score_post'))))}.`,
    `Rank correlation of the mean loss change with (k − 1)² p/(1 − p) over ${cells.length} cells: ${order.map(([task, rho]) => `${task} ${digits(rho)}`).join(', ')}.`,
    `The loss change depends on p: ${verdict(order.every(([, rho]) => rho > 0.6))} (rank correlation above .6 on every skill, ${rows.length} runs).`,
  ]
}
