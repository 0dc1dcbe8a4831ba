// The claims of the DARE paper about the drop rate, on two sizes.
const SKILLS = ['math', 'code', 'instruct']
const SIZES = ['small', 'large']
/** Series and drop rates of the table. */
const SHOWN = [
  ['dare', 0.9],
  ['dare', 0.99],
  ['drop-only', 0.5],
  ['drop-only', 0.9],
  ['magnitude', 0.5],
  ['magnitude', 0.9],
]

export function finding({ score, mean, verdict, percent }) {
  const edited = (model, task, label, drop_rate) => mean({ model, task, label, drop_rate }, 'score_edited')
  const post = (model, task) => mean({ model, task }, 'score_post')
  const cells = SIZES.flatMap((model) => SKILLS.map((task) => ({ model, task })))
  const all = (test) => verdict(cells.every(test))
  return [
    {
      head: ['model', 'task', 'post', ...SHOWN.map(([label, rate]) => `${label} ${rate}`)],
      rows: cells.map(({ model, task }) => [
        model,
        task,
        percent(post(model, task)),
        ...SHOWN.map(([label, drop_rate]) => score({ model, task, label, drop_rate })),
      ]),
    },
    `DARE at p = .9 keeps at least nine tenths of the post-trained score: ${all(({ model, task }) => edited(model, task, 'dare', 0.9) >= 0.9 * post(model, task))} (${cells.filter(({ model, task }) => edited(model, task, 'dare', 0.9) >= 0.9 * post(model, task)).length} of 6 cells).`,
    `The larger model tolerates more (mean of DARE at .95 and .99, every skill): ${verdict(
      SKILLS.every(
        (task) =>
          edited('large', task, 'dare', [0.95, 0.99]) / post('large', task) >
          edited('small', task, 'dare', [0.95, 0.99]) / post('small', task),
      ),
    )}.`,
    `Drop-only at p = .5 loses more than a tenth: ${all(({ model, task }) => edited(model, task, 'drop-only', 0.5) < 0.9 * post(model, task))} (${cells.filter(({ model, task }) => edited(model, task, 'drop-only', 0.5) < 0.9 * post(model, task)).length} of 6 cells).`,
    `Magnitude is below DARE at p = .9: ${all(({ model, task }) => edited(model, task, 'magnitude', 0.9) < edited(model, task, 'dare', 0.9))}; ` +
      `at p = .5 it is below by more than a point in ${cells.filter(({ model, task }) => edited(model, task, 'magnitude', 0.5) < edited(model, task, 'dare', 0.5) - 0.01).length} of 6 cells.`,
  ]
}
