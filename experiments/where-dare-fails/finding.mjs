// Weights instead of deltas, and a distant base.
const SKILLS = ['math', 'code', 'instruct']

export function finding({ mean, score, verdict }) {
  return [
    ...SKILLS.map(
      (task) =>
        `${task}: weights dropped at p = .01 ${score({ model: 'small', task, label: 'weights', drop_rate: 0.01 })}, at .1 ${score({ model: 'small', task, label: 'weights', drop_rate: 0.1 })}; ` +
        `delta to the distant base at .1 ${score({ model: 'wrong-base', task, label: 'delta', drop_rate: 0.1 })}, at .5 ${score({ model: 'wrong-base', task, label: 'delta', drop_rate: 0.5 })}; ` +
        `delta to the right base at .5 ${score({ model: 'small', task, label: 'delta', drop_rate: 0.5 })}.`,
    ),
    `Dropping 10 % of the weights loses more than half of the score: ${verdict(SKILLS.every((task) => mean({ model: 'small', task, label: 'weights', drop_rate: 0.1 }, 'score_edited') < 0.5 * mean({ model: 'small', task }, 'score_post')))}.`,
    `A distant base loses more than half at p = .1: ${verdict(SKILLS.every((task) => mean({ model: 'wrong-base', task, label: 'delta', drop_rate: 0.1 }, 'score_edited') < 0.5 * mean({ model: 'small', task }, 'score_post')))}; ` +
      `at p = .5: ${verdict(SKILLS.every((task) => mean({ model: 'wrong-base', task, label: 'delta', drop_rate: 0.5 }, 'score_edited') < 0.5 * mean({ model: 'small', task }, 'score_post')))}.`,
  ]
}
