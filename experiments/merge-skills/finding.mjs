// What merges keep of each skill, and what DARE changes.
const SETS = ['math+code', 'math+instruct', 'code+instruct', 'math+code+instruct']
/** Mergers without and with DARE; the words of a table, and what their rows have. */
const METHODS = [
  ['average', { label: 'average' }, { label: 'dare+average' }],
  ['task arithmetic λ = .5', { label: 'task_arithmetic', lambda: 0.5 }, { label: 'dare+task_arithmetic', lambda: 0.5 }],
  ['task arithmetic λ = 1', { label: 'task_arithmetic', lambda: 1 }, { label: 'dare+task_arithmetic', lambda: 1 }],
  ['TIES', { label: 'ties' }, { label: 'dare+ties' }],
  ['WIDEN', { label: 'widen' }, { label: 'dare+widen' }],
  ['Fisher', { label: 'fisher' }, { label: 'dare+fisher' }],
  ['RegMean', { label: 'regmean' }, { label: 'dare+regmean' }],
]
const DELLA = { label: 'della' }

export function finding({ mean, percent, verdict }) {
  const score = (set, task, method) => mean({ merged: set, task, ...method }, 'score_edited')
  const average = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length
  /** Mean score over the skills that were merged. */
  const kept = (set, method) => average(set.split('+').map((task) => score(set, task, method)))
  const all = [...METHODS.map(([name, method]) => [name, method]), ['DELLA', DELLA]]
  const ranked = (set) => all.map(([name, method]) => [name, kept(set, method)]).sort((a, b) => b[1] - a[1])
  const effects = METHODS.map(([name, without, dare]) => [name, average(SETS.map((set) => kept(set, dare) - kept(set, without)))])
  const [triple, pairs] = [SETS[3], SETS.slice(0, 3)]
  const points = (x) => `${x < 0 ? '−' : '+'}${Math.abs(100 * x).toFixed(1)}`
  const strangers = pairs.map((set) => ({ set, task: ['math', 'code', 'instruct'].find((task) => !set.split('+').includes(task)) }))
  /** Of the skill that is worse off, as a share of its fine-tune's score, under the method that is best for it. */
  const lowest = (set) => Math.max(...all.map(([, method]) => Math.min(...set.split('+').map((task) => score(set, task, method) / mean({ task }, 'score_post')))))
  return [
    ...SETS.map((set) => `${set.replaceAll('+', ', ')}: mean score over the merged skills ${ranked(set).map(([name, value]) => `${name} ${percent(value)}`).join(', ')}.`),
    `A pair keeps nine tenths of both its fine-tunes' scores under some listed method: ${pairs.map((set) => `${set.replace('+', ' and ')} ${verdict(lowest(set) >= 0.9)} (the weaker skill keeps at most ${percent(lowest(set))})`).join(', ')}.`,
    `Three skills in one model keep less than two: ${verdict(pairs.every((set) => ranked(triple)[0][1] < ranked(set)[0][1]))} for the best method of each set; the weakest of the three keeps at most ${percent(lowest(triple))}.`,
    `A skill that was not merged does not appear: ${verdict(strangers.every(({ set, task }) => all.every(([, method]) => score(set, task, method) < 0.05)))} (below 5 % in every pair and method).`,
    `DARE at p = .5 changes the mean score over the merged skills by ${effects.map(([name, effect]) => `${points(effect)} (${name})`).join(', ')} points.`,
    `DARE changes little, less than a point in the mean for every merger: ${verdict(effects.every(([, effect]) => Math.abs(effect) < 0.01))}; ` +
      `it adds most to TIES: ${verdict(effects.every(([name, effect]) => name === 'TIES' || effect < effects.find(([each]) => each === 'TIES')[1]))}.`,
    `DELLA is above TIES in the mean over the four sets: ${verdict(average(SETS.map((set) => kept(set, DELLA) - kept(set, METHODS[3][1]))) > 0)} ` +
      `(${points(average(SETS.map((set) => kept(set, DELLA) - kept(set, METHODS[3][1]))))} points; DARE before TIES ${points(effects[3][1])}).`,
  ]
}
