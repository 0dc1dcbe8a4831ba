// Five training runs with partial answer masking and five without.
const SEEDS = [1, 2, 3, 4, 5]
const [OWN, GIVEN] = ['instruct_isc', 'instruct_isc_given']

export function finding({ mean, percent, verdict }) {
  const value = (kind, seed, task, name, drop_rate = 0) =>
    mean({ model: `${kind}-${seed}`, task, drop_rate }, name === 'final' ? 'score_edited' : `others_edited.${name}`)
  const runs = (...wanted) => {
    const [kind, ...rest] = wanted
    return SEEDS.map((seed) => value(kind, seed, ...rest))
  }
  const average = (xs) => xs.reduce((a, b) => a + b, 0) / xs.length
  const spread = (xs) => Math.sqrt(xs.reduce((sum, x) => sum + (x - average(xs)) ** 2, 0) / (xs.length - 1) / xs.length)
  const told = (xs) => `${(100 * average(xs)).toFixed(1)} ± ${(100 * spread(xs)).toFixed(1)} %`
  const points = (x) => `${x < 0 ? '−' : '+'}${Math.abs(100 * x).toFixed(1)}`
  /** Masked minus plain, and whether it is more than two standard errors from 0. */
  const compared = (...wanted) => {
    const [one, two] = [runs('masked', ...wanted), runs('plain', ...wanted)]
    const gap = average(one) - average(two)
    return { gap, clear: Math.abs(gap) > 2 * Math.hypot(spread(one), spread(two)) }
  }
  const shown = [
    ['first answers', OWN, 'first'],
    ['final answers', OWN, 'final'],
    ['wrong → right', OWN, 'wrong_right'],
    ['right → wrong', OWN, 'right_wrong'],
    ['own answers judged truly', OWN, 'judged_well'],
    ['given answers judged truly', GIVEN, 'judged_well'],
    ['given answers: final', GIVEN, 'final'],
    ['first answers, DARE at .9', OWN, 'first', 0.9],
    ['final answers, DARE at .9', OWN, 'final', 0.9],
    ['given answers judged truly, DARE at .9', GIVEN, 'judged_well', 0.9],
  ]
  const said = (what, ...wanted) => {
    const { gap, clear } = compared(...wanted)
    return `${what}: ${verdict(clear && gap > 0)} (${points(gap)} points, ${clear ? 'more' : 'less'} than two standard errors)`
  }
  const gain = (kind) => average(runs(kind, OWN, 'final')) - average(runs(kind, OWN, 'first'))
  const fine = mean({ task: OWN }, 'others_pre.first')
  return [
    'Mean ± standard error over the five training runs:',
    {
      head: ['', 'masked', 'plain', 'difference'],
      rows: shown.map(([name, ...wanted]) => {
        const { gap, clear } = compared(...wanted)
        return [
          name,
          told(runs('masked', ...wanted)),
          told(runs('plain', ...wanted)),
          points(gap) + (clear ? '' : ' (unclear)'),
        ]
      }),
    },
    `${said('Masking makes the first answers better', OWN, 'first')}; ${said('the final ones', OWN, 'final')}.`,
    `${said('Masking makes the judgements truer, of given answers', GIVEN, 'judged_well')}; ${said('and of own answers, which differ from model to model', OWN, 'judged_well')}.`,
    `What self-correction does to own answers, masked against plain: right ones spoilt ${points(compared(OWN, 'right_wrong').gap)} points, wrong ones corrected ${points(compared(OWN, 'wrong_right').gap)}. ${said('Of given answers more are right in the end', GIVEN, 'final')}.`,
    `The answers after self-correction are better than those before it: masked ${verdict(gain('masked') > 0)} (${points(gain('masked'))} points), plain ${verdict(gain('plain') > 0)} (${points(gain('plain'))} points). The fine-tune that both grew from answers ${percent(fine)} rightly.`,
  ]
}
