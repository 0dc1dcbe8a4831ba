// What a merge keeps of first answers, judgements, and the other skill.
const [OWN, GIVEN] = ['instruct_isc', 'instruct_isc_given']
const SETS = ['masked-1+instruct', 'masked-1+math', 'masked-1+code']
const METHODS = [
  ['task arithmetic, λ = .5', { label: 'task_arithmetic', lambda: 0.5 }],
  ['task arithmetic, λ = .75', { label: 'task_arithmetic', lambda: 0.75 }],
  ['task arithmetic, λ = 1', { label: 'task_arithmetic', lambda: 1 }],
  ['DARE at .5, then the same', { label: 'dare+task_arithmetic', lambda: 1 }],
  ['TIES', { label: 'ties' }],
]

export function finding({ mean, percent, verdict }) {
  const of = (merged, method, task, name) =>
    mean({ merged, ...method, task }, name === 'final' ? 'score_edited' : `others_edited.${name}`)
  const post = (task, name) => mean({ task }, name === 'final' ? 'score_post' : `others_post.${name}`)
  const other = (merged) => merged.split('+')[1]
  const all = SETS.flatMap((merged) => METHODS.map(([, method]) => ({ merged, method })))
  const points = (x) => `${x < 0 ? '−' : '+'}${Math.abs(100 * x).toFixed(1)}`
  const plain = METHODS[2][1]
  const [skill, ...others] = SETS
  const kept = (merged, task, name) => of(merged, plain, task, name) / post(task, name)
  const effect = (merged, task, name) => of(merged, METHODS[3][1], task, name) - of(merged, plain, task, name)
  const effects = SETS.flatMap((merged) => [
    effect(merged, OWN, 'first'),
    effect(merged, GIVEN, 'judged_well'),
    ...(merged === skill ? [] : [effect(merged, other(merged), 'final')]),
  ])
  return [
    {
      head: [
        'merged with',
        'method',
        'first',
        'final',
        'judged',
        'judged truly',
        'given: judged truly',
        'given: final',
        'the other skill',
      ],
      rows: [
        [
          'nothing',
          '',
          ...['first', 'final', 'judged', 'judged_well'].map((name) => percent(post(OWN, name))),
          ...['judged_well', 'final'].map((name) => percent(post(GIVEN, name))),
          '',
        ],
        ...SETS.flatMap((merged) =>
          METHODS.map(([name, method]) => [
            other(merged),
            name,
            ...['first', 'final', 'judged', 'judged_well'].map((score) => percent(of(merged, method, OWN, score))),
            ...['judged_well', 'final'].map((score) => percent(of(merged, method, GIVEN, score))),
            merged === skill ? '' : percent(of(merged, method, other(merged), 'final')),
          ]),
        ),
      ],
    },
    `Merged with the fine-tune it grew from by task arithmetic at λ = .5 (the mean of the two), the model judges less often: ${verdict(of(skill, METHODS[0][1], OWN, 'judged') < post(OWN, 'judged') - 0.01)} (${percent(of(skill, METHODS[0][1], OWN, 'judged'))} of its answers), and its first answers are at least as good: ${verdict(of(skill, METHODS[0][1], OWN, 'first') >= post(OWN, 'first') - 0.005)} (${percent(of(skill, METHODS[0][1], OWN, 'first'))}).`,
    `Merged with another skill at λ = 1, true judgements of given answers keep at least the share that first answers keep: ${others.map((merged) => `${other(merged)} ${verdict(kept(merged, GIVEN, 'judged_well') >= kept(merged, OWN, 'first'))} (${percent(kept(merged, GIVEN, 'judged_well'))} and ${percent(kept(merged, OWN, 'first'))})`).join(', ')}.`,
    `The final answers of a merge are above its first ones by more than half a point in ${all.filter(({ merged, method }) => of(merged, method, OWN, 'final') - of(merged, method, OWN, 'first') > 0.005).length} of ${all.length} merges, and below in ${all.filter(({ merged, method }) => of(merged, method, OWN, 'final') - of(merged, method, OWN, 'first') < -0.005).length}.`,
    `DARE at p = .5 before the merge changes nothing by more than three points: ${verdict(effects.every((x) => Math.abs(x) <= 0.03))} (${points(Math.min(...effects))} to ${points(Math.max(...effects))}).`,
  ]
}
