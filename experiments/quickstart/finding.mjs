// What the quickstart shows: the three ways to drop at p = .9.
const SKILLS = ['math', 'code', 'instruct']

export function finding({ score, mean, verdict }) {
  const at = (label, task) => ({ label, task, drop_rate: 0.9 })
  return [
    ...SKILLS.map((task) => `${task}, p = .9: DARE ${score(at('dare', task))}, drop-only ${score(at('drop-only', task))}, magnitude ${score(at('magnitude', task))}.`),
    `DARE above both others on every skill: ${verdict(SKILLS.every((task) => ['drop-only', 'magnitude'].every((label) =>
      mean(at('dare', task), 'score_edited') > mean(at(label, task), 'score_edited'))))}.`,
  ]
}
