// Damage falls with the rank; the rank that restores a skill.
const SKILLS = ['math', 'code', 'instruct']
const RANKS = [1, 2, 4, 8, 16, 32, 64]

export function finding({ mean, verdict, digits }) {
  const cells = ['small', 'large'].flatMap((model) => SKILLS.map((task) => ({ model, task })))
  const score = (cell, rank) => mean({ ...cell, rank }, 'score_edited')
  const enough = (cell) => RANKS.find((rank) => score(cell, rank) >= 0.98 * mean(cell, 'score_post'))
  const change = (cell, rank) => mean({ ...cell, rank }, 'loss_change')
  return [
    {
      head: ['model', 'task', 'rank that restores 98 % of the score', 'loss change at rank 1', 'loss change at rank 8'],
      rows: cells.map((cell) => [
        cell.model,
        cell.task,
        enough(cell) ?? 'above 64',
        ...[1, 8].map((rank) => digits(change(cell, rank))),
      ]),
    },
    `The loss change is positive at ranks 1 to 8: ${verdict(cells.every((cell) => [1, 2, 4, 8].every((rank) => change(cell, rank) > 0)))}.`,
    `The loss change falls from rank to rank up to 16: ${verdict(cells.every((cell) => [2, 4, 8, 16].every((rank) => change(cell, rank) < change(cell, rank / 2))))}.`,
  ]
}
