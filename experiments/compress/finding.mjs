// What each codec costs at the sixteenth and the thirty-second part of bf16, and which keeps most.
const BUDGETS = [
  [1, '1/16 of bf16'],
  [0.5, '1/32 of bf16'],
]
/** A magnitude for each of many small tensors takes some hundredths of a bit beside its signs. The chooser keeps to its budget. */
const SLACK = 1.05

export function finding({ items, results }) {
  const digits = (x) => Number(x.toPrecision(3)).toString()
  const percent = (x) => `${(100 * x).toFixed(1)} %`
  const verdict = (holds) => (holds ? '**holds**' : '**does not hold**')
  const tasks = [...new Set(results.map(({ task }) => task))]
  const of = (task, wanted) =>
    results.filter((row) => row.task === task && Object.entries(wanted).every(([key, value]) => row[key] === value))
  const mean = (rows, key) => rows.reduce((sum, row) => sum + row[key], 0) / rows.length
  const axisOf = ({ multiplier, drop_rate, bits, rank, bands }) =>
    Object.entries({ multiplier, drop_rate, bits, rank, bands }).find(([, value]) => value !== undefined)
  /** The same codec for all tensors: rows that differ in their seed alone, as one. */
  const settings = (task) => {
    const groups = new Map()
    for (const row of of(task, {})) {
      if (row.codec === 'chosen') continue
      const key = [row.codec, row.editor, axisOf(row)].join()
      groups.set(key, [...(groups.get(key) ?? []), row])
    }
    return [...groups.values()].map((rows) => ({
      ...rows[0],
      ...Object.fromEntries(['bits_per_parameter', 'loss_change', 'score'].map((key) => [key, mean(rows, key)])),
    }))
  }
  const best = (task, bits) =>
    settings(task)
      .filter((row) => row.bits_per_parameter <= bits * SLACK)
      .sort((a, b) => a.loss_change - b.loss_change)[0]
  const nameOf = (row) => {
    const [axis, value] = axisOf(row)
    const own = ['bitmask', 'index'].includes(row.codec) ? ` of ${row.editor}` : ''
    return `${row.codec}${own} (${axis.replace('_', ' ')} ${value})`
  }
  const cells = tasks.flatMap((task) =>
    BUDGETS.map(([bits, name]) => {
      const [row, own] = [best(task, bits), of(task, { codec: 'chosen', budget: bits })[0]]
      return { task, bits, name, row, own, ratio: own.loss_change / row.loss_change }
    }),
  )
  const atBudget = (bits) => cells.filter((cell) => cell.bits === bits)
  const median = (bits) => {
    const sorted = atBudget(bits)
      .map(({ ratio }) => ratio)
      .sort((a, b) => a - b)
    return sorted[sorted.length >> 1]
  }
  const wrong = cells.filter(({ ratio }) => ratio > 1)
  const lossless = tasks.map((task) => of(task, { codec: 'lossless' })[0])
  const drops = (task, editor, drop_rate) => mean(of(task, { codec: 'index', editor, drop_rate }), 'loss_change')
  const sums = cells.map(({ own }) => own.estimated / own.loss_change)
  const wholes = cells.map(({ own }) => own.together / own.loss_change)
  return [
    {
      head: [
        'task',
        'budget',
        'best codec for all tensors',
        'bits per parameter',
        'loss change',
        'score',
        'chooser: bits',
        'loss change',
        'score',
        'ratio of loss changes',
      ],
      rows: cells.map(({ task, name, row, own, ratio }) => [
        ...[task, name, nameOf(row), digits(row.bits_per_parameter), digits(row.loss_change), percent(row.score)],
        ...[digits(own.bits_per_parameter), digits(own.loss_change), percent(own.score), digits(ratio)],
      ]),
    },
    `The chooser loses less than the best codec for all tensors, for every task at both budgets: ${verdict(!wrong.length)}${wrong.length ? ` (${wrong.map(({ task, name, ratio }) => `${task} at ${name}: ratio ${digits(ratio)}`).join('; ')})` : ''}.`,
    `The median of the ratios at 1/16 of bf16 is at most 0.7: ${verdict(median(1) <= 0.7)} (${digits(median(1))}; at 1/32 it is ${digits(median(0.5))}).`,
    `What the chooser takes, in tensors: ${cells
      .map(
        ({ task, name, own }) =>
          `${task} at ${name} ${Object.entries(own.codecs)
            .map(([codec, count]) => `${count} ${codec}`)
            .join(', ')}`,
      )
      .join('; ')}.`,
    `Estimates: the sum over the tensors is from ${digits(Math.min(...sums))} to ${digits(Math.max(...sums))} times the measured loss change, and with what the tensors do to each other from ${digits(Math.min(...wholes))} to ${digits(Math.max(...wholes))} times.`,
    `Without loss a delta takes ${lossless.map((row) => `${digits(row.bits_per_parameter)} (${row.task})`).join(', ')} bits per parameter, and the loss and score of the delta file are those of the model: ${verdict(lossless.every(({ loss_change }) => loss_change === 0))}.`,
    `One sign for each parameter keeps nine tenths of the score (the better multiplier): ${verdict(tasks.every((task) => Math.max(...of(task, { codec: 'sign' }).map((row) => row.score / row.score_post)) >= 0.9))}.`,
    `The largest entries lose less than random ones that are rescaled, at drop rates 0.9 and 0.99: ${verdict(tasks.every((task) => [0.9, 0.99].every((rate) => drops(task, 'magnitude', rate) < drops(task, 'dare', rate))))}.`,
    `Losses and scores are of the first ${items} items of each task, means over five seeds where entries are drawn. The chooser chose by the last ${items} items, and its draws are fixed. The best codec for all is chosen on the items that are measured, and may exceed the budget by up to 5 %; the chooser may do neither.`,
  ]
}
