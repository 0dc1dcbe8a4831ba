// Random and sign-biased are harmless, gradient-biased is not, and first order misjudges k > 1.
const SKILLS = ['math', 'code', 'instruct']

export function finding({ mean, score, verdict, digits }) {
  const post = (task) => mean({ task }, 'score_post')
  const gradient = 'biased by Δ·∇L'
  return [
    ...SKILLS.map(
      (task) =>
        `${task}, k = .5, .9, 1.1, 1.5: random ${[0.5, 0.9, 1.1, 1.5].map((k) => score({ task, label: 'random', k })).join(', ')}; by Δ ` +
        `${[0.5, 0.9, 1.1, 1.5].map((k) => score({ task, label: 'biased by Δ', k })).join(', ')}; by Δ·∇L ${[0.5, 0.9, 1.1, 1.5].map((k) => score({ task, label: gradient, k })).join(', ')}.`,
    ),
    `Random and Δ-biased factors stay within three points of the post-trained score for every k: ${verdict(
      SKILLS.every((task) =>
        ['random', 'biased by Δ'].every((label) =>
          [0.5, 0.7, 0.9, 1.1, 1.3, 1.5].every((k) => mean({ task, label, k }, 'score_edited') > post(task) - 0.03),
        ),
      ),
    )}.`,
    `Gradient-biased factors at k = .5 and 1.5 lose more than a third: ${verdict(SKILLS.every((task) => [0.5, 1.5].every((k) => mean({ task, label: gradient, k }, 'score_edited') < (post(task) * 2) / 3)))}.`,
    `At k = 1.1 first order promises ${SKILLS.map((task) => digits(mean({ task, label: gradient, k: 1.1 }, 'taylor1'))).join(', ')} nats per token; the exact changes are ` +
      `${SKILLS.map((task) => digits(mean({ task, label: gradient, k: 1.1 }, 'loss_change'))).join(', ')}.`,
    `The collapse is as complete as in the paper at k = .9 and 1.1: ${verdict(SKILLS.every((task) => [0.9, 1.1].every((k) => mean({ task, label: gradient, k }, 'score_edited') < post(task) / 2)))}.`,
  ]
}
