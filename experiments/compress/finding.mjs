// What each codec costs at the sixteenth and the thirty-second part of bf16, and which keeps most.
const BUDGETS = [
  [1, '1/16 of bf16'],
  [0.5, '1/32 of bf16'],
]
/** A magnitude for each of many small tensors takes some hundredths of a bit beside its signs. */
const SLACK = 1.05

export function finding({ items, results }) {
  const digits = (x) => Number(x.toPrecision(3)).toString()
  const percent = (x) => `${(100 * x).toFixed(1)} %`
  const verdict = (holds) => (holds ? '**holds**' : '**does not hold**')
  const tasks = [...new Set(results.map(({ task }) => task))]
  const of = (task, wanted) =>
    results.filter((row) => row.task === task && Object.entries(wanted).every(([key, value]) => row[key] === value))
  const mean = (rows, key) => rows.reduce((sum, row) => sum + row[key], 0) / rows.length
  /** Rows that differ in their seed alone, as one. */
  const settings = (task) => {
    const groups = new Map()
    for (const row of of(task, {})) {
      const { codec, editor, drop_rate, multiplier } = row
      const key = [codec, editor, drop_rate, multiplier].join()
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
  const nameOf = ({ codec, editor, drop_rate, multiplier }) =>
    `${codec} of ${editor} (${multiplier ? `multiplier ${multiplier}` : `drop rate ${drop_rate}`})`
  const cells = tasks.flatMap((task) => BUDGETS.map(([bits, name]) => ({ task, bits, name, row: best(task, bits) })))
  const lossless = tasks.map((task) => of(task, { codec: 'lossless' })[0])
  const drops = (task, editor, drop_rate) => mean(of(task, { codec: 'index', editor, drop_rate }), 'loss_change')
  return [
    {
      head: [
        'task',
        'budget',
        'best codec for all tensors',
        'bits per parameter',
        'loss change',
        'score',
        'score of post',
      ],
      rows: cells.map(({ task, name, row }) =>
        row
          ? [
              task,
              name,
              nameOf(row),
              digits(row.bits_per_parameter),
              digits(row.loss_change),
              percent(row.score),
              percent(row.score_post),
            ]
          : [task, name, 'none fits', '', '', '', ''],
      ),
    },
    `Without loss a delta takes ${lossless.map((row) => `${digits(row.bits_per_parameter)} (${row.task})`).join(', ')} bits per parameter, and the loss and score of the delta file are those of the model: ${verdict(lossless.every(({ loss_change }) => loss_change === 0))}.`,
    `One sign for each parameter keeps nine tenths of the score (the better multiplier): ${verdict(tasks.every((task) => Math.max(...of(task, { codec: 'sign' }).map((row) => row.score / row.score_post)) >= 0.9))}.`,
    `The largest entries lose less than random ones that are rescaled, at drop rates 0.9 and 0.99: ${verdict(tasks.every((task) => [0.9, 0.99].every((rate) => drops(task, 'magnitude', rate) < drops(task, 'dare', rate))))}.`,
    'The choice of a codec for each tensor has no rows yet: the claim of the question is not tested.',
    `Losses and scores are of the first ${items} items of each task, means over five seeds where entries are drawn. A form counts for a budget that it exceeds by up to 5 %.`,
  ]
}
