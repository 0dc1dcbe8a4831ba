// Random and sign-biased are harmless, gradient-biased is not, and first order misjudges k > 1.
const SKILLS = ['math', 'code', 'instruct']
const SHOWN = [0.5, 0.9, 1.1, 1.5]

export function finding({ mean, score, verdict, digits }) {
  const post = (task) => mean({ task }, 'score_post')
  const gradient = 'biased by Δ·∇L'
  return [
    {
      head: ['task', 'factors', ...SHOWN.map((k) => `k = ${k}`)],
      rows: SKILLS.flatMap((task) =>
        ['random', 'biased by Δ', gradient].map((label) => [
          task,
          label,
          ...SHOWN.map((k) => score({ task, label, k })),
        ]),
      ),
    },
    `Random and Δ-biased factors stay within three points of the post-trained score for every k: ${verdict(
      SKILLS.every((task) =>
        ['random', 'biased by Δ'].every((label) =>
          [0.5, 0.7, 0.9, 1.1, 1.3, 1.5].every((k) => mean({ task, label, k }, 'score_edited') > post(task) - 0.03),
        ),
      ),
    )}.`,
    `Gradient-biased factors at k = .5 and 1.5 lose more than a third: ${verdict(SKILLS.every((task) => [0.5, 1.5].every((k) => mean({ task, label: gradient, k }, 'score_edited') < (post(task) * 2) / 3)))}.`,
    `At k = 1.1 the first-order estimates are ${SKILLS.map((task) => digits(mean({ task, label: gradient, k: 1.1 }, 'taylor1'))).join(', ')} nats per token; the exact changes are ` +
      `${SKILLS.map((task) => digits(mean({ task, label: gradient, k: 1.1 }, 'loss_change'))).join(', ')}.`,
    `The collapse is as complete as in the paper at k = .9 and 1.1: ${verdict(SKILLS.every((task) => [0.9, 1.1].every((k) => mean({ task, label: gradient, k }, 'score_edited') < post(task) / 2)))}.`,
  ]
}
