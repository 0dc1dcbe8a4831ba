// What Twin-Merging keeps of the fine-tunes, at which rank, and how often the router is right.
const SETS = { small: ['math', 'code', 'instruct'], vision: ['digit', 'orientation', 'count', 'texture', 'position'] }
const WORDS = { small: 'three skills', vision: 'five image tasks' }
const FRACTIONS = [0.02, 0.05, 0.1, 0.2, 0.5, 1]

export function finding({ mean, percent, verdict }) {
  const models = Object.keys(SETS)
  const average = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length
  /** Mean over the tasks of the share of the fine-tune's score. */
  const kept = (model, method) =>
    average(
      SETS[model].map((task) => mean({ model, task, ...method }, 'score_edited') / mean({ model, task }, 'score_post')),
    )
  const twin = (fraction) => ({ label: 'twin', fraction })
  const arithmetic = (model) =>
    Math.max(
      ...[0.5, 1].map((lambda) => kept(model, { label: 'task arithmetic', lambda })),
      kept(model, { label: 'shared' }),
    )
  const right = (model) => SETS[model].map((task) => mean({ model, task, ...twin(1) }, 'router_accuracy'))
  return [
    "Share of the fine-tunes' scores that is kept, on average over the tasks:",
    {
      head: [
        'tasks',
        ...FRACTIONS.map((fraction) => `fraction ${fraction}`),
        'shared model alone',
        ...[0.5, 1].map((lambda) => `task arithmetic λ = ${lambda}`),
      ],
      rows: models.map((model) => [
        WORDS[model],
        ...FRACTIONS.map((fraction) => percent(kept(model, twin(fraction)))),
        percent(kept(model, { label: 'shared' })),
        ...[0.5, 1].map((lambda) => percent(kept(model, { label: 'task arithmetic', lambda }))),
      ]),
    },
    'Items for which the router chooses the right fine-tune:',
    {
      head: ['tasks', 'right'],
      rows: models.map((model) => [
        WORDS[model],
        SETS[model].map((task, i) => `${task} ${percent(right(model)[i])}`).join(', '),
      ]),
    },
    `With a tenth of the rank nine tenths of the scores are kept: ${models.map((model) => `${WORDS[model]} ${verdict(kept(model, twin(0.1)) >= 0.9)}`).join(', ')}.`,
    `With a tenth of the rank the merge is twenty points above the best task arithmetic: ${models.map((model) => `${WORDS[model]} ${verdict(kept(model, twin(0.1)) >= arithmetic(model) + 0.2)}`).join(', ')}.`,
    `At full rank a task scores within a point of its fine-tune: ${models.map((model) => `${WORDS[model]} ${verdict(SETS[model].every((task) => Math.abs(mean({ model, task, ...twin(1) }, 'score_edited') - mean({ model, task }, 'score_post')) <= 0.01))}`).join(', ')}.`,
    `The router is right on at least 99 % of every task's items: ${models.map((model) => `${WORDS[model]} ${verdict(right(model).every((share) => share >= 0.99))}`).join(', ')}.`,
  ]
}
