// What merges of two and of five backbones keep, and what DARE before them changes.
const ALL = 'digit+orientation+count+texture+position'
const SETS = ['digit+texture', 'orientation+position', ALL]
const FACTORS = [0.3, 0.6, 1]
/** Name in a sentence, and what the rows have. */
const METHODS = [
  ['average', { label: 'average' }],
  ...FACTORS.map((lambda) => [`task arithmetic λ = ${lambda}`, { label: 'task_arithmetic', lambda }]),
  ['TIES', { label: 'ties' }],
]

export function finding({ mean, percent, verdict }) {
  /** Mean over the merged tasks of the score as a share of the fine-tune's. */
  const kept = (merged, method) => {
    const tasks = merged.split('+')
    return (
      tasks.reduce(
        (sum, task) => sum + mean({ merged, task, ...method }, 'score_edited') / mean({ task }, 'score_post'),
        0,
      ) / tasks.length
    )
  }
  const withDare = (method) => ({ ...method, label: `dare+${method.label}` })
  const ranked = (merged) => METHODS.map(([name, method]) => [name, kept(merged, method)]).sort((a, b) => b[1] - a[1])
  const compared = METHODS.filter(([name]) => name !== 'average')
  const gains = compared.map(([name, method]) => [name, kept(ALL, withDare(method)) - kept(ALL, method)])
  const points = (x) => `${x < 0 ? '−' : '+'}${Math.abs(100 * x).toFixed(1)}`
  return [
    "Share of the fine-tunes' scores that is kept, on average over the merged tasks:",
    {
      head: ['merged', ...METHODS.map(([name]) => name)],
      rows: SETS.map((merged) => [merged, ...METHODS.map(([, method]) => percent(kept(merged, method)))]),
    },
    `The best merge of five keeps less than the best merges of two: ${verdict(ranked(ALL)[0][1] < Math.min(ranked(SETS[0])[0][1], ranked(SETS[1])[0][1]))}.`,
    `DARE at .5 before a merge of five, in points of that share: ${gains.map(([name, gain]) => `${points(gain)} (${name})`).join(', ')}; it costs at most two points: ${verdict(gains.every(([, gain]) => gain > -0.02))}.`,
  ]
}
