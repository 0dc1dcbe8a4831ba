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
    ...models.map(
      (model) =>
        `${WORDS[model]}: of the fine-tunes' scores are kept, on average, ${FRACTIONS.map((fraction) => `${percent(kept(model, twin(fraction)))} (fraction ${fraction})`).join(', ')}; ` +
        `${percent(kept(model, { label: 'shared' }))} by the shared model alone, ${[0.5, 1].map((lambda) => `${percent(kept(model, { label: 'task arithmetic', lambda }))} by task arithmetic at λ = ${lambda}`).join(', ')}.`,
    ),
    ...models.map(
      (model) =>
        `${WORDS[model]}: the router is right on ${SETS[model].map((task, i) => `${percent(right(model)[i])} (${task})`).join(', ')} of the items.`,
    ),
    `With a tenth of the rank nine tenths of the scores are kept: ${models.map((model) => `${WORDS[model]} ${verdict(kept(model, twin(0.1)) >= 0.9)}`).join(', ')}.`,
    `With a tenth of the rank the merge is twenty points above the best task arithmetic: ${models.map((model) => `${WORDS[model]} ${verdict(kept(model, twin(0.1)) >= arithmetic(model) + 0.2)}`).join(', ')}.`,
    `At full rank a task scores within a point of its fine-tune: ${models.map((model) => `${WORDS[model]} ${verdict(SETS[model].every((task) => Math.abs(mean({ model, task, ...twin(1) }, 'score_edited') - mean({ model, task }, 'score_post')) <= 0.01))}`).join(', ')}.`,
    `The router is right on at least 99 % of every task's items: ${models.map((model) => `${WORDS[model]} ${verdict(right(model).every((share) => share >= 0.99))}`).join(', ')}.`,
  ]
}
