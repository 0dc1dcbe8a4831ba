// Weights instead of deltas, and a distant base.
const SKILLS = ['math', 'code', 'instruct']
/** Columns of the table, and their rows. */
const SHOWN = [
  ['weights, p = .01', { model: 'small', label: 'weights', drop_rate: 0.01 }],
  ['weights, p = .1', { model: 'small', label: 'weights', drop_rate: 0.1 }],
  ['delta to a distant base, p = .1', { model: 'wrong-base', label: 'delta', drop_rate: 0.1 }],
  ['delta to a distant base, p = .5', { model: 'wrong-base', label: 'delta', drop_rate: 0.5 }],
  ['delta to the right base, p = .5', { model: 'small', label: 'delta', drop_rate: 0.5 }],
]

export function finding({ mean, score, verdict }) {
  return [
    {
      head: ['task', ...SHOWN.map(([name]) => name)],
      rows: SKILLS.map((task) => [task, ...SHOWN.map(([, wanted]) => score({ task, ...wanted }))]),
    },
    `Dropping 10 % of the weights loses more than half of the score: ${verdict(SKILLS.every((task) => mean({ model: 'small', task, label: 'weights', drop_rate: 0.1 }, 'score_edited') < 0.5 * mean({ model: 'small', task }, 'score_post')))}.`,
    `A distant base loses more than half at p = .1: ${verdict(SKILLS.every((task) => mean({ model: 'wrong-base', task, label: 'delta', drop_rate: 0.1 }, 'score_edited') < 0.5 * mean({ model: 'small', task }, 'score_post')))}; ` +
      `at p = .5: ${verdict(SKILLS.every((task) => mean({ model: 'wrong-base', task, label: 'delta', drop_rate: 0.5 }, 'score_edited') < 0.5 * mean({ model: 'small', task }, 'score_post')))}.`,
  ]
}
