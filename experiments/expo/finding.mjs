// Where the loss is lowest, and whether the first-order sign tells.
export function finding({ mean, score, verdict, digits, of }) {
  const cells = [
    ['small', 'math'],
    ['small', 'code'],
    ['small', 'instruct'],
    ['small-early', 'code'],
  ].map(([model, task]) => ({ model, task }))
  const alphas = [...new Set(of({}).map((row) => Number(row.alpha)))].sort((a, b) => a - b)
  const lowest = (cell) =>
    alphas.reduce(
      (a, b) => (mean({ ...cell, alpha: b }, 'loss_change') < mean({ ...cell, alpha: a }, 'loss_change') ? b : a),
      0,
    )
  const best = (cell) =>
    alphas.reduce(
      (a, b) => (mean({ ...cell, alpha: b }, 'score_edited') > mean({ ...cell, alpha: a }, 'score_edited') ? b : a),
      0,
    )
  const early = cells[3]
  return [
    {
      head: [
        'model',
        'task',
        'α of the lowest loss',
        'loss change there',
        'α of the highest score',
        'score there',
        'score at α = 0',
        'score at α = 1',
      ],
      rows: cells.map((cell) => [
        cell.model,
        cell.task,
        lowest(cell),
        digits(mean({ ...cell, alpha: lowest(cell) }, 'loss_change')),
        best(cell),
        ...[best(cell), 0, 1].map((alpha) => score({ ...cell, alpha })),
      ]),
    },
    `The briefly trained model gains from extrapolation: loss ${verdict(lowest(early) > 0)}, score ${verdict(mean({ ...early, alpha: best(early) }, 'score_edited') > mean({ ...early, alpha: 0 }, 'score_edited') && best(early) > 0)}.`,
    `Interpolation (α < 0) beats the post-trained model on its own task by more than a point: ${verdict(
      cells.some((cell) =>
        alphas
          .filter((a) => a < 0)
          .some(
            (alpha) => mean({ ...cell, alpha }, 'score_edited') > mean({ ...cell, alpha: 0 }, 'score_edited') + 0.01,
          ),
      ),
    )}.`,
    `The sign of the first-order term at α = .1 is that of the exact change: ${verdict(cells.every((cell) => Math.sign(mean({ ...cell, alpha: 0.1 }, 'taylor1')) === Math.sign(mean({ ...cell, alpha: 0.1 }, 'loss_change'))))}` +
      ` (${cells.filter((cell) => Math.sign(mean({ ...cell, alpha: 0.1 }, 'taylor1')) === Math.sign(mean({ ...cell, alpha: 0.1 }, 'loss_change'))).length} of ${cells.length}).`,
  ]
}
