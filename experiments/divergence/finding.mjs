// Rank correlations between the scores of edits and what is measured without labels, by family, with bootstrap intervals over edits.
const FAMILIES = ['small', 'large', 'bert', 'roberta', 'vision']
/** Families that are measured on texts, too. */
const READ = ['small']
const SAMPLES = 1000
/** Scores further apart than this are taken for different. */
const APART = 0.05
/** What edits are ordered by. Each is the larger, the further the edited model is from post. */
const MEASURES = [
  ['KL', 'task', (row) => row.kl],
  ['unequal top', 'task', (row) => 1 - row.same_top],
  ['loss change', 'task', (row) => row.loss_change],
  ['relative error', 'task', (row) => row.edit_norm / row.delta_norm],
  ['KL, text', 'text', (row) => row.kl],
  ['KL, plain', 'plain', (row) => row.kl],
  ['perplexity ratio, text', 'text', (row) => row.perplexity_ratio],
  ['perplexity ratio, plain', 'plain', (row) => row.perplexity_ratio],
]

/** Numbers from 0 to 1 that are the same at every start (mulberry32). */
function randomFrom(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const mean = (xs) => xs.reduce((a, b) => a + b, 0) / xs.length

/** Kendall's tau-b. */
function kendall(xs, ys) {
  let [agree, x0, y0] = [0, 0, 0]
  for (let i = 0; i < xs.length; i++)
    for (let j = 0; j < i; j++) {
      const [x, y] = [Math.sign(xs[i] - xs[j]), Math.sign(ys[i] - ys[j])]
      agree += x * y
      x0 += x * x
      y0 += y * y
    }
  return agree / Math.sqrt(x0 * y0)
}

/** Measured columns of a row, the further scores among them; `kl` may be the metric itself. */
function measuredIn(row) {
  const others = JSON.parse(row.others_edited || '{}')
  const numbers = ['loss_change', 'edit_norm', 'delta_norm', 'score_edited', 'score_post'].map((name) => [
    name,
    Number(row[name]),
  ])
  return { ...Object.fromEntries(numbers), ...others, ...(row.metric === 'kl' && { kl: Number(row.score_edited) }) }
}

/** Of each skill of a family its edits, in the same order: label, options, and means over seeds on the task and on both texts. */
function skillsOf(rows, model) {
  const own = rows.filter((row) => row.model === model)
  const skills = [...new Set(own.map(({ task }) => task))].filter((task) => !/^(text|plain)-/.test(task))
  return skills.map((skill) => {
    const edits = new Map()
    for (const row of own) {
      const where =
        row.task === skill ? 'task' : /^(text|plain)-(.*)$/.exec(row.task)?.[2] === skill && row.task.split('-')[0]
      if (!where) continue
      const key = `${row.label} ${row.options}`
      if (!edits.has(key))
        edits.set(key, { label: row.label, options: JSON.parse(row.options), task: [], text: [], plain: [] })
      edits.get(key)[where].push(measuredIn(row))
    }
    return [...edits.values()].map((edit) => ({
      ...edit,
      skill: `${model} ${skill}`,
      loss: mean(edit.task.map((row) => row.score_post - row.score_edited)),
      ...Object.fromEntries(
        MEASURES.map(([name, where, of]) => [name, edit[where].length ? mean(edit[where].map(of)) : null]),
      ),
    }))
  })
}

/** Of pairs of edits whose scores are apart, the share whose order is that of the measure. */
function ordered(edits, name) {
  let [right, all] = [0, 0]
  for (const [i, a] of edits.entries())
    for (const b of edits.slice(0, i)) {
      if (Math.abs(a.loss - b.loss) <= APART) continue
      all++
      if ((a.loss - b.loss) * (a[name] - b[name]) > 0) right++
    }
  return [right, all]
}

const OPTIONS = { drop_rate: 'p', rank: 'rank', bits: 'bits', passes: 'passes', alpha: 'α' }
const nameOf = ({ label, options }) =>
  [
    label,
    ...Object.keys(OPTIONS).flatMap((name) => (name in options ? `${OPTIONS[name]} = ${options[name]}` : [])),
  ].join(' ')

/** Of pairs of edits whose scores are apart, those that KL orders wrongly: in whose pairs it is too large, and in whose too small. */
function wrongPairs(skills) {
  const pairs = skills.flatMap((edits) =>
    edits.flatMap((far) =>
      // KL says that `far` is further from post, and `near` has the lower score.
      edits.filter((near) => far.KL >= near.KL && near.loss - far.loss > APART).map((near) => ({ far, near })),
    ),
  )
  const count = (side, label) => pairs.filter((pair) => pair[side].label === label).length
  const labels = [...new Set(skills[0].map(({ label }) => label))]
  const rows = labels
    .map((label) => [label, count('far', label), count('near', label)])
    .filter(([, far, near]) => far + near > 0)
    .sort((a, b) => b[1] - b[2] - (a[1] - a[2]))
  const [widest] = [...pairs].sort((a, b) => b.near.loss - b.far.loss - (a.near.loss - a.far.loss))
  return { pairs, table: { head: ['editor', 'KL is too large', 'KL is too small'], rows }, widest }
}

/** Edits that lower the perplexity although they move the predictions: the ratio calls them better than post. */
function belowOne(skills) {
  const edits = skills.flat()
  const below = edits.filter((edit) => edit['perplexity ratio, text'] < 1)
  const worse = below.filter(({ loss }) => loss > APART)
  const labels = [...new Set(below.map(({ label }) => label))]
  return `The perplexity of the text is below that of post for ${below.length} of ${edits.length} edits of the small decoders (${labels.join(', ') || 'none'}), of which ${worse.length} lose more than ${100 * APART} points.`
}

export function finding({ rows, verdict, digits, percent, spearman }) {
  const families = FAMILIES.map((model) => ({ model, skills: skillsOf(rows, model) }))
  const rho = (skills, name, by = 'loss') =>
    mean(
      skills.map((edits) =>
        spearman(
          edits.map((edit) => edit[by]),
          edits.map((edit) => edit[name]),
        ),
      ),
    )
  const interval = (skills, statistic) => {
    const random = randomFrom(15)
    const [count] = skills.map((edits) => edits.length)
    const samples = Array.from({ length: SAMPLES }, () => {
      const picked = Array.from({ length: count }, () => Math.floor(random() * count))
      return statistic(skills.map((edits) => picked.map((i) => edits[i])))
    }).sort((a, b) => a - b)
    return [samples[Math.floor(0.025 * SAMPLES)], samples[Math.ceil(0.975 * SAMPLES) - 1]]
  }
  const shown = (skills, name) => {
    const [low, high] = interval(skills, (some) => rho(some, name))
    return `${rho(skills, name).toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
  }
  const has = (skills, name) => skills[0][0][name] !== null
  const share = (skills, name) => {
    const counts = skills.map((edits) => ordered(edits, name))
    return mean(counts.map(([right]) => right)) / mean(counts.map(([, all]) => all))
  }
  const of = (model) => families.find((family) => family.model === model).skills
  const every = (models, test) => verdict(models.every((model) => test(of(model), model)))
  const wrong = wrongPairs(families.flatMap(({ skills }) => skills))
  const all = families
    .flatMap(({ skills }) => skills.map((edits) => ordered(edits, 'KL')[1]))
    .reduce((a, b) => a + b, 0)
  const extrapolated = wrong.pairs.filter(({ far }) => far.label === 'expo' && far.options.alpha > 0).length
  const baseRatios = rows
    .filter(
      ({ model, task }, i) =>
        READ.includes(model) &&
        task.startsWith('plain-') &&
        rows.findIndex((row) => row.model === model && row.task === task) === i,
    )
    .map(
      ({ task, others_pre }) => `${digits(JSON.parse(others_pre).perplexity_ratio)} (${task.slice('plain-'.length)})`,
    )
    .join(', ')
  const said = (edit) =>
    `${nameOf(edit)} has a KL of ${digits(edit.KL)} and loses ${(100 * edit.loss).toFixed(1)} points on ${edit.skill}`
  const list = (models, text) => models.map((model) => `${model} ${text(of(model))}`).join(', ')
  return [
    'Spearman’s ρ between the loss of score and each measure, mean over the tasks of a family (95 % interval):',
    {
      head: ['measure', ...FAMILIES],
      rows: MEASURES.map(([name]) => [
        name,
        ...families.map(({ skills }) => (has(skills, name) ? shown(skills, name) : '–')),
      ]),
    },
    `Of pairs of edits whose scores are more than ${100 * APART} points apart, the share that each measure orders rightly:`,
    {
      head: ['measure', ...FAMILIES],
      rows: MEASURES.map(([name]) => [
        name,
        ...families.map(({ skills }) => (has(skills, name) ? percent(share(skills, name)) : '–')),
      ]),
    },
    `Pairs that KL orders wrongly, by editor (${wrong.pairs.length} in all, of ${all} that are apart):`,
    wrong.table,
    `In most of them KL is too large for an edit that extrapolates (expo with α > 0): ${verdict(extrapolated > wrong.pairs.length / 2)} (${extrapolated}).`,
    `The widest of them: ${said(wrong.widest.far)}, and ${said(wrong.widest.near)}.`,
    `ρ of KL on the items is at least .9 in every family: ${every(FAMILIES, (skills) => rho(skills, 'KL') >= 0.9)} (Kendall’s τ: ${list(
      FAMILIES,
      (skills) =>
        mean(
          skills.map((edits) =>
            kendall(
              edits.map((edit) => edit.loss),
              edits.map((edit) => edit.KL),
            ),
          ),
        ).toFixed(2),
    )}).`,
    `KL orders at least 95 % of the pairs that are apart rightly: ${every(FAMILIES, (skills) => share(skills, 'KL') >= 0.95)}.`,
    `KL on texts of the same kind is within .05 of KL on the items: ${every(READ, (skills) => Math.abs(rho(skills, 'KL, text') - rho(skills, 'KL')) <= 0.05)}; KL on plain text is more than .05 below: ${every(READ, (skills) => rho(skills, 'KL') - rho(skills, 'KL, plain') > 0.05)}.`,
    `The share of unequal top tokens is within .05 of KL: ${every(FAMILIES, (skills) => Math.abs(rho(skills, 'unequal top') - rho(skills, 'KL')) <= 0.05)}. Of a classifier that is nearly always right it is nearly the loss of score itself.`,
    `The relative error is more than .1 below KL: ${every(FAMILIES, (skills) => rho(skills, 'KL') - rho(skills, 'relative error') > 0.1)}.`,
    `KL on the text and the ratio of perplexities there have a ρ of at least .9: ${every(READ, (skills) => rho(skills, 'perplexity ratio, text', 'KL, text') >= 0.9)} (${list(READ, (skills) => rho(skills, 'perplexity ratio, text', 'KL, text').toFixed(2))}); on plain text: ${every(READ, (skills) => rho(skills, 'perplexity ratio, plain', 'KL, plain') >= 0.9)} (${list(READ, (skills) => rho(skills, 'perplexity ratio, plain', 'KL, plain').toFixed(2))}).`,
    `Not among the expectations: on plain text the ratio of perplexities has a ρ of ${list(READ, (skills) => rho(skills, 'perplexity ratio, plain').toFixed(2))} with the loss of score. Dropping a delta leads back to the base, whose perplexity on that text, divided by that of post, is ${baseRatios}.`,
    belowOne(READ.flatMap(of)),
  ]
}
