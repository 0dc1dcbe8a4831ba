// What merges keep of each skill, and what DARE changes.
const SETS = ['math+code', 'math+instruct', 'code+instruct', 'math+code+instruct']
const TASKS = ['math', 'code', 'instruct']
const FACTORS = [0.5, 0.75, 1]
/** Mergers without and with DARE: the words of a table, and the labels of the rows. */
const METHODS = [
  ['average', 'average', 'dare+average'],
  ['task arithmetic', 'task_arithmetic', 'dare+task_arithmetic'],
  ['TIES', 'ties', 'dare+ties'],
  ['WIDEN', 'widen', 'dare+widen'],
  ['Fisher', 'fisher', 'dare+fisher'],
  ['RegMean', 'regmean', 'dare+regmean'],
]

export function finding({ mean, percent, verdict }) {
  const average = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length
  /** Of task arithmetic, the factor with the highest mean of a score over the tasks; of equal ones the lowest. */
  const factor = (merged, label, column) =>
    FACTORS.map((lambda) => [
      lambda,
      average(TASKS.map((task) => mean({ merged, label, lambda, task }, column))),
    ]).reduce((best, next) => (next[1] > best[1] ? next : best))[0]
  const chosen = (set, label) =>
    label.endsWith('task_arithmetic') ? { label, lambda: factor(set, label, 'score_validation') } : { label }
  const score = (set, task, label, method = chosen(set, label)) =>
    mean({ merged: set, task, ...method }, 'score_edited')
  /** Mean score over the skills that were merged. */
  const kept = (set, label, method) => average(set.split('+').map((task) => score(set, task, label, method)))
  const all = [...METHODS, ['DELLA', 'della']]
  const ranked = (set) => all.map(([name, label]) => [name, kept(set, label)]).sort((a, b) => b[1] - a[1])
  const effects = METHODS.map(([name, without, dare]) => [
    name,
    average(SETS.map((set) => kept(set, dare) - kept(set, without))),
  ])
  const [triple, pairs] = [SETS[3], SETS.slice(0, 3)]
  const points = (x) => `${x < 0 ? '−' : '+'}${Math.abs(100 * x).toFixed(1)}`
  const strangers = pairs.map((set) => ({ set, task: TASKS.find((task) => !set.split('+').includes(task)) }))
  /** Of the skill that is worse off, as a share of its fine-tune's score, under the method that is best for it. */
  const lowest = (set) =>
    Math.max(
      ...all.map(([, label]) =>
        Math.min(...set.split('+').map((task) => score(set, task, label) / mean({ task }, 'score_post'))),
      ),
    )
  const choices = ['task_arithmetic', 'dare+task_arithmetic'].flatMap((label) =>
    SETS.map((set) => ({
      set,
      label,
      lambda: chosen(set, label).lambda,
      hindsight: factor(set, label, 'score_edited'),
    })),
  )
  const lost = ({ set, label, lambda, hindsight }) =>
    kept(set, label, { label, lambda: hindsight }) - kept(set, label, { label, lambda })
  const worse = choices.filter(({ lambda, hindsight }) => lambda !== hindsight)
  const factors = (label) =>
    choices
      .filter((choice) => choice.label === label)
      .map(({ lambda }) => lambda)
      .join(', ')
  return [
    'Mean score over the merged skills:',
    {
      head: ['merged', ...ranked(SETS[0]).map(([name]) => name)],
      rows: SETS.map((set) => {
        const scores = new Map(ranked(set))
        return [set.replaceAll('+', ', '), ...ranked(SETS[0]).map(([name]) => percent(scores.get(name)))]
      }),
    },
    `The factor of task arithmetic, chosen on the validation items (sets in this order): ${factors('task_arithmetic')}; with DARE ${factors('dare+task_arithmetic')}. It is the best on the scored items too in ` +
      `${choices.length - worse.length} of ${choices.length} merges${worse.length ? `; elsewhere the choice costs at most ${percent(Math.max(...worse.map(lost)))}` : ''}.`,
    `A pair keeps nine tenths of both its fine-tunes' scores under some listed method: ${pairs.map((set) => `${set.replace('+', ' and ')} ${verdict(lowest(set) >= 0.9)} (the weaker skill keeps at most ${percent(lowest(set))})`).join(', ')}.`,
    `Three skills in one model keep less than two: ${verdict(pairs.every((set) => ranked(triple)[0][1] < ranked(set)[0][1]))} for the best method of each set; the weakest of the three keeps at most ${percent(lowest(triple))}.`,
    `A skill that was not merged does not appear: ${verdict(strangers.every(({ set, task }) => all.every(([, label]) => score(set, task, label) < 0.05)))} (below 5 % in every pair and method).`,
    'Change of that mean by DARE at p = .5 before the merge, in points:',
    { head: effects.map(([name]) => name), rows: [effects.map(([, effect]) => points(effect))] },
    `DARE changes little, less than a point in the mean for every merger: ${verdict(effects.every(([, effect]) => Math.abs(effect) < 0.01))}; ` +
      `it adds most to TIES: ${verdict(effects.every(([name, effect]) => name === 'TIES' || effect < effects.find(([each]) => each === 'TIES')[1]))}.`,
    `DELLA is above TIES in the mean over the four sets: ${verdict(average(SETS.map((set) => kept(set, 'della') - kept(set, 'ties'))) > 0)} ` +
      `(${points(average(SETS.map((set) => kept(set, 'della') - kept(set, 'ties'))))} points; DARE before TIES ${points(effects[2][1])}).`,
  ]
}
