// Signs and sizes of the approximation term, and the left sum against the exact change.
const SKILLS = ['math', 'code', 'instruct']
/** Columns of the table: their title, label and drop rate. */
const SHOWN = [
  ['DARE', 'dare', 0.9],
  ['drop-only', 'drop-only', 0.9],
  ['TIES trim', 'ties-trim', 0.9],
  ['BitDelta', 'bitdelta'],
  ['low rank', 'lowrank'],
]

export function finding({ rows, mean, verdict, digits }) {
  const term = (task, label, drop_rate) =>
    mean({ task, label, ...(drop_rate !== undefined && { drop_rate }) }, 'riemann_sum')
  const exact = (task, label, drop_rate) =>
    mean({ task, label, ...(drop_rate !== undefined && { drop_rate }) }, 'loss_change')
  const large = rows.filter((row) => Number(row.loss_change) > 0.01)
  const shares = large.map((row) => row.riemann_sum / row.loss_change).sort((a, b) => a - b)
  const signs = large.filter((row) => Number(row.riemann_sum) > 0).length
  const every = (test) => verdict(SKILLS.every(test))
  return [
    'Riemann sum (exact change), in nats per token; drop rates are .9, low rank keeps a tenth of the ranks:',
    {
      head: ['task', ...SHOWN.map(([name]) => name)],
      rows: SKILLS.map((task) => [
        task,
        ...SHOWN.map(([, ...which]) => `${digits(term(task, ...which))} (${digits(exact(task, ...which))})`),
      ]),
    },
    `The term of DARE is below that of drop-only at every rate: ${every((task) => [0.1, 0.3, 0.5, 0.7, 0.9].every((p) => Math.abs(term(task, 'dare', p)) < Math.abs(term(task, 'drop-only', p))))}.`,
    `The TIES trim is worse than DARE at p = .9: ${every((task) => term(task, 'ties-trim', 0.9) > term(task, 'dare', 0.9))}.`,
    `BitDelta and low rank have positive terms: ${every((task) => term(task, 'bitdelta') > 0 && term(task, 'lowrank') > 0)}.`,
    `Over the ${large.length} runs with an exact change above .01 the left sum (C = 5) has the right sign in ${signs}, and is ${digits(shares[0])} to ${digits(shares.at(-1))} of the exact change, ` +
      `median ${digits(shares[shares.length >> 1])}.`,
  ]
}
