// What dropping does to first answers, to judgements, and to what they change.
const RATES = [0.5, 0.9, 0.95, 0.99]
const ALPHAS = [-0.75, -0.5, -0.25, 0.25]
const EDITORS = ['dare', 'magnitude']
const PAIRS = ['self-correction-alone', 'whole-delta']
const [OWN, GIVEN] = ['instruct_isc', 'instruct_isc_given']

export function finding({ mean, percent, verdict }) {
  const of = (name, wanted) => mean(wanted, name === 'final' ? 'score_edited' : `others_edited.${name}`)
  const post = (name, task = OWN) =>
    mean({ model: PAIRS[0], task }, name === 'final' ? 'score_post' : `others_post.${name}`)
  const at = (model, label, drop_rate, task = OWN) => ({ model, label, drop_rate, task })
  const shown = ['first', 'final', 'wrong_right', 'right_wrong', 'judged', 'judged_well']
  const points = (x) => `${x < 0 ? '−' : '+'}${Math.abs(100 * x).toFixed(1)}`
  const line = (model, label, rate) => [
    model.replaceAll('-', ' '),
    label,
    rate,
    ...shown.map((name) => percent(of(name, at(model, label, rate)))),
    percent(of('judged_well', at(model, label, rate, GIVEN))),
    percent(of('final', at(model, label, rate, GIVEN))),
  ]
  const cells = PAIRS.flatMap((model) => EDITORS.flatMap((label) => RATES.map((rate) => [model, label, rate])))
  const gain = (cell) => of('final', at(...cell)) - of('first', at(...cell))
  const [alone, whole] = PAIRS
  const fine = mean({ model: alone, task: OWN }, 'others_pre.first')
  /** The share of what the trained model has over the base of the pair that is left: of a score on a task. */
  const left = (name, model, rate, task) => of(name, at(model, 'dare', rate, task)) / post(name, task)
  const scaled = (alpha, task = OWN) => ({ model: alone, label: 'expo', alpha, task })
  const better = cells.filter((cell) => gain(cell) > 0.005)
  const worse = cells.filter((cell) => gain(cell) < -0.005)
  const least = Math.min(...RATES.map((rate) => of('first', at(alone, 'dare', rate))))
  return [
    'Own answers in one generation, and given answers of which half are wrong:',
    {
      head: [
        'delta',
        'editor',
        'p',
        'first',
        'final',
        'wrong → right',
        'right → wrong',
        'judged',
        'judged truly',
        'given: judged truly',
        'given: final',
      ],
      rows: [
        [
          'as trained',
          '',
          0,
          ...shown.map((name) => percent(post(name))),
          percent(post('judged_well', GIVEN)),
          percent(post('final', GIVEN)),
        ],
        ...cells.map((cell) => line(...cell)),
      ],
    },
    `As trained, the answers after self-correction are better than those before it: ${verdict(post('final') > post('first'))} (${points(post('final') - post('first'))} points). The fine-tune that it grew from answers ${percent(fine)} rightly and never judges; given answers, of which half are right, are right in ${percent(post('final', GIVEN))} after correction: ${verdict(post('final', GIVEN) > post('first', GIVEN))}.`,
    `Without the skill, self-correction alone can be dropped and the first answers stay, by DARE at every rate at least as good as trained: ${verdict(least >= post('first') - 0.005)} (${percent(least)} at least; ${percent(post('first'))} as trained).`,
    `At p = .99 the judgements of self-correction alone are gone (below a tenth of the answers are judged): DARE ${verdict(of('judged', at(alone, 'dare', 0.99)) < 0.1)} (${percent(of('judged', at(alone, 'dare', 0.99)))}), magnitude ${verdict(of('judged', at(alone, 'magnitude', 0.99)) < 0.1)} (${percent(of('judged', at(alone, 'magnitude', 0.99)))}).`,
    `Magnitude pruning at p = .9 and above takes self-correction away and leaves the skill, with first answers at least as good as trained: ${verdict([0.9, 0.95, 0.99].every((rate) => of('first', at(alone, 'magnitude', rate)) >= post('first') - 0.005))} (${[0.9, 0.95, 0.99].map((rate) => percent(of('first', at(alone, 'magnitude', rate)))).join(', ')}). DARE spoils both before the judgements go: at p = .95 ${percent(of('judged', at(alone, 'dare', 0.95)))} of the answers are judged and ${percent(of('first', at(alone, 'dare', 0.95)))} of the first are right.`,
    'Added to the skill with a factor (task arithmetic of the skill and of self-correction alone):',
    {
      head: ['factor', 'first', 'final', 'judged', 'judged truly', 'given: judged truly', 'given: final'],
      rows: [
        ...ALPHAS.map((alpha) => [
          1 + alpha,
          ...['first', 'final', 'judged', 'judged_well'].map((name) => percent(of(name, scaled(alpha)))),
          ...['judged_well', 'final'].map((name) => percent(of(name, scaled(alpha, GIVEN)))),
        ]),
      ],
    },
    `At half the factor fewer than half of the answers are judged: ${verdict(of('judged', scaled(-0.5)) < 0.5)} (${percent(of('judged', scaled(-0.5)))}); at a quarter the first answers are within a point of the fine-tune's ${percent(fine)}: ${verdict(of('first', scaled(-0.75)) > fine - 0.01)} (${percent(of('first', scaled(-0.75)))}).`,
    `Of the whole delta DARE at p = .9 keeps nine tenths of the first answers: ${verdict(left('first', whole, 0.9, OWN) >= 0.9)} (${percent(left('first', whole, 0.9, OWN))}), and nine tenths of the true judgements of given answers: ${verdict(left('judged_well', whole, 0.9, GIVEN) >= 0.9)} (${percent(left('judged_well', whole, 0.9, GIVEN))}).`,
    `Where dropping spoils first answers, self-correction repairs a part: ${verdict(worse.length === 0 && better.length > 0)}. The final answers are above the first by more than half a point in ${better.length} of ${cells.length} cells and below in ${worse.length} (best ${points(Math.max(...cells.map(gain)))}, worst ${points(Math.min(...cells.map(gain)))} points).`,
  ]
}
