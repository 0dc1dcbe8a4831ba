// What merged pairs of encoder tasks keep, and what DARE before the merge changes.
/** Name in a sentence, and the change in % of the mean score that DARE brings in the paper's GLUE experiment. */
const MERGERS = {
  average: ['average', 0.58],
  task_arithmetic: ['task arithmetic', 0.36],
  fisher: ['Fisher', 0.37],
  regmean: ['RegMean', -0.03],
  ties: ['TIES', 0.84],
}

export function finding({ rows, of, mean, percent, verdict }) {
  const signed = (x) => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(2)}`
  const average = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length
  const distinct = (list, read) => [...new Set(list.map(read))]
  const models = distinct(rows, ({ model }) => model)
  const pairsOf = (model) =>
    distinct(
      of({ model }).filter(({ merged }) => merged.includes('+')),
      ({ merged }) => merged,
    )
  /** Mean score of a merge over its two tasks; its λ is the one that is best on validation items, as in the table. */
  const score = (model, merged, label) => {
    const measured = (lambda, column) =>
      average(merged.split('+').map((task) => mean({ model, merged, task, label, lambda }, column)))
    const factors = distinct(of({ model, merged, label }), ({ options }) => JSON.parse(options).lambda)
    const [best] = factors.sort((a, b) => measured(b, 'score_validation') - measured(a, 'score_validation'))
    return measured(best, 'score_edited')
  }
  const overall = (model, label) => average(pairsOf(model).map((merged) => score(model, merged, label)))
  const alone = (model) =>
    average(
      pairsOf(model).map((merged) => average(merged.split('+').map((task) => mean({ model, task }, 'score_post')))),
    )
  const gain = (model, label) => overall(model, `dare+${label}`) / overall(model, label) - 1
  const labels = Object.keys(MERGERS)
  const ranked = (model) => labels.map((label) => [label, overall(model, label)]).sort((a, b) => b[1] - a[1])
  const everyGain = models.flatMap((model) => labels.map((label) => gain(model, label)))
  return [
    {
      head: ['model', 'pairs', 'before the merge', ...labels.map((label) => MERGERS[label][0])],
      rows: models.map((model) => [
        model,
        pairsOf(model).length,
        percent(alone(model)),
        ...labels.map((label) => percent(overall(model, label))),
      ]),
    },
    'Change of the mean score by DARE at p = .5 before the merge:',
    {
      head: ['model', ...labels.map((label) => MERGERS[label][0])],
      rows: [
        ...models.map((model) => [model, ...labels.map((label) => `${signed(100 * gain(model, label))} %`)]),
        ['the paper', ...labels.map((label) => `${signed(MERGERS[label][1])} %`)],
      ],
    },
    `DARE changes the mean score by less than one per cent under every merger: ${verdict(everyGain.every((each) => Math.abs(each) < 0.01))}.`,
    `It adds more to TIES than to RegMean: ${models.map((model) => `${model} ${verdict(gain(model, 'ties') > gain(model, 'regmean'))}`).join(', ')}.`,
    `RegMean, which looks at the inputs of every layer, keeps most: ${models.map((model) => `${model} ${verdict(ranked(model)[0][0] === 'regmean')}`).join(', ')}.`,
  ]
}
