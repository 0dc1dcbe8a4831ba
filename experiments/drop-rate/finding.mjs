// The claims of the DARE paper about the drop rate, on two sizes.
const SKILLS = ['math', 'code', 'instruct']
const SIZES = ['small', 'large']

export function finding({ score, mean, verdict, percent }) {
  const edited = (model, task, label, drop_rate) => mean({ model, task, label, drop_rate }, 'score_edited')
  const post = (model, task) => mean({ model, task }, 'score_post')
  const cells = SIZES.flatMap((model) => SKILLS.map((task) => ({ model, task })))
  const all = (test) => verdict(cells.every(test))
  return [
    ...cells.map(
      ({ model, task }) =>
        `${model} ${task} (post ${percent(post(model, task))}): DARE at p = .9 ${score({ model, task, label: 'dare', drop_rate: 0.9 })}, at .99 ` +
        `${score({ model, task, label: 'dare', drop_rate: 0.99 })}; drop-only at .5 ${score({ model, task, label: 'drop-only', drop_rate: 0.5 })}, at .9 ` +
        `${score({ model, task, label: 'drop-only', drop_rate: 0.9 })}; magnitude at .5 ${score({ model, task, label: 'magnitude', drop_rate: 0.5 })}, at .9 ${score({ model, task, label: 'magnitude', drop_rate: 0.9 })}.`,
    ),
    `DARE at p = .9 keeps at least nine tenths of the post-trained score: ${all(({ model, task }) => edited(model, task, 'dare', 0.9) >= 0.9 * post(model, task))} in all six cells` +
      ` (it holds in ${cells.filter(({ model, task }) => edited(model, task, 'dare', 0.9) >= 0.9 * post(model, task)).length}).`,
    `The larger model tolerates more (mean of DARE at .95 and .99, every skill): ${verdict(
      SKILLS.every(
        (task) =>
          edited('large', task, 'dare', [0.95, 0.99]) / post('large', task) >
          edited('small', task, 'dare', [0.95, 0.99]) / post('small', task),
      ),
    )}.`,
    `Drop-only at p = .5 loses more than a tenth: ${all(({ model, task }) => edited(model, task, 'drop-only', 0.5) < 0.9 * post(model, task))} in all six cells` +
      ` (it does in ${cells.filter(({ model, task }) => edited(model, task, 'drop-only', 0.5) < 0.9 * post(model, task)).length}).`,
    `Magnitude is below DARE at p = .9: ${all(({ model, task }) => edited(model, task, 'magnitude', 0.9) < edited(model, task, 'dare', 0.9))}; ` +
      `at p = .5 it is below by more than a point in ${cells.filter(({ model, task }) => edited(model, task, 'magnitude', 0.5) < edited(model, task, 'dare', 0.5) - 0.01).length} of six cells.`,
  ]
}
