// What each way of editing leaves of a published fine-tune: divergence and agreement, with the pooler and without it; which tensors carry the
// divergence; rescaling and weight decay; merges.
import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'

/** The edits of the first table, by label, and the option that is varied. */
const EDITS = [
  ['dare', 'drop_rate'],
  ['drop-only', 'drop_rate'],
  ['magprune', 'drop_rate'],
  ['darex', 'drop_rate'],
  ['ultradelta', 'drop_rate'],
  ['impart', 'drop_rate'],
  ['magnitude', 'drop_rate'],
  ['magnitude by row', 'drop_rate'],
  ['magnitude of the model', 'drop_rate'],
  ['breadcrumbs', 'drop_rate'],
  ['bitdelta', 'blocks'],
  ['bitdelta twice', 'passes'],
  ['quantise', 'bits'],
  ['delta_come', 'bands'],
  ['delta_come by GPTQ', 'bands'],
  ['lowrank', 'rank'],
  ['expo', 'alpha'],
  ['biased', 'k'],
]
const POOLER = [
  ['dare', 'drop_rate', 0.9],
  ['magnitude', 'drop_rate', 0.9],
  ['magnitude', 'drop_rate', 0.95],
  ['bitdelta', 'blocks', 1],
  ['lowrank', 'rank', 4],
  ['lowrank', 'rank', 16],
  ['lowrank', 'rank', 32],
]
const REMOVED = ['no pooler', 'no norms', 'no embeddings', 'no biases of queries', 'no biases of keys']
/** What an edit keeps if the fine-tune and it agree on so many reactions. */
const KEPT = 0.95

const average = (xs) => xs.reduce((sum, x) => sum + x, 0) / xs.length
/** Standard error of the mean. */
const errorOf = (xs) => Math.sqrt(xs.reduce((sum, x) => sum + (x - average(xs)) ** 2, 0) / (xs.length - 1) / xs.length)
const rowsOf = (path) => parse(readFileSync(`results/${path}.csv`), { columns: true, cast: true })

/** Rank correlations of each tensor's norms with its part of the divergence, for each edit. */
function tensorsOf({ digits, percent, spearman, verdict }) {
  const terms = rowsOf('real-encoder-tensors/terms')
  const runs = rowsOf('real-encoder-tensors/runs')
  const base = rowsOf('real-encoder-tensors/norms')
  const weights = new Map(base.map(({ tensor, norm }) => [tensor, norm]))
  const tables = runs.map((run) => {
    const own = terms.filter((term) => term.run === run.id)
    const sizes = own.map(({ term }) => Math.abs(term))
    const total = own.reduce((sum, { term }) => sum + term, 0)
    const share = (matches) =>
      own.filter(({ tensor }) => matches(tensor)).reduce((sum, { term }) => sum + term, 0) / total
    const rank = (of) => spearman(own.map(of), sizes)
    return {
      label: run.label,
      kl: run.loss_edited,
      sum: run.riemann_sum,
      delta: rank(({ delta_norm }) => delta_norm),
      edit: rank(({ edit_norm }) => edit_norm),
      relative: rank(({ tensor, delta_norm }) => delta_norm / weights.get(tensor)),
      entry: rank(({ delta_norm, parameters }) => delta_norm / Math.sqrt(parameters)),
      pooler: share((tensor) => tensor.includes('pooler')),
      keys: share((tensor) => tensor.endsWith('key.bias')),
    }
  })
  const longest = terms
    .filter(({ run }) => run === runs[0].id)
    .map(({ tensor, delta_norm }) => ({ tensor, relative: delta_norm / weights.get(tensor) }))
    .sort((a, b) => b.relative - a.relative)
    .slice(0, 13)
  const keys = longest.filter(({ tensor }) => tensor.endsWith('key.bias')).length
  return [
    `The divergence by tensor (Riemann sum, Gauss rule with ${runs[0].riemann_steps} nodes, on ${runs[0].loss_items} reactions; rank correlations over the 199 tensors, of the size of the part with norms):`,
    {
      head: [
        'edit',
        'KL',
        'Riemann sum',
        'with the norm of Δ',
        'of the change',
        'of Δ by that of W',
        'of Δ by √entries',
        'part of the pooler',
        'of the biases of keys',
      ],
      rows: tables.map((t) => [
        t.label,
        digits(t.kl),
        digits(t.sum),
        ...[t.delta, t.edit, t.relative, t.entry].map(digits),
        percent(t.pooler),
        t.keys.toExponential(0),
      ]),
    },
    `Of the ${longest.length} tensors that change most for their length, ${keys} are biases of keys (the first is ${longest[0].tensor}, by ${digits(longest[0].relative)} times its length).`,
    `The norm of a tensor's delta says little (rank correlation below .8 in every edit): ${verdict(tables.every(({ delta }) => delta < 0.8))}; its relative change says nothing (within ±.2): ${verdict(tables.every(({ relative }) => Math.abs(relative) < 0.2))}.`,
  ]
}

/** Cosines of features of edits from the base and from the shrunken base. */
function decayOf({ digits, verdict }) {
  const all = rowsOf('real-encoder-decay/runs').filter(({ status }) => status === 'ok')
  const of = (model, rate) =>
    all
      .filter((row) => row.model === model && row.drop_rate === rate)
      .sort((a, b) => a.seed - b.seed)
      .map((row) => row.score_edited)
  const told = (cosines) => `${average(cosines).toFixed(5)} ± ${digits(errorOf(cosines))}`
  const none = ['base', 'shrunken'].map((base) => all.find(({ model }) => model === base).score_pre)
  const rates = [...new Set(all.map(({ drop_rate }) => drop_rate))].sort()
  const cases = rates.map((rate) => {
    const [from, shrunken] = ['base', 'shrunken'].map((base) => of(base, rate))
    const nearer = from.filter((cosine, i) => shrunken[i] > cosine).length
    return { rate, from, shrunken, nearer, says: average(from) > none[0] }
  })
  return [
    `Mean cosine of the features of \`fingerprints\` with those of its edits, on ${all[0].n} reactions (standard error over ${cases[0].from.length} seeds), edited from its base and from the base shrunk as much:`,
    {
      head: ['edit', 'from the base', 'from the shrunken base'],
      rows: [
        ['no delta', ...none.map((cosine) => cosine.toFixed(5))],
        ...cases.map(({ rate, from, shrunken }) => [`dare, drop_rate ${rate}`, told(from), told(shrunken)]),
      ],
    },
    `DARE at .9 keeps the features of this longer delta (cosine of at least .95): ${verdict(average(of('base', 0.9)) >= 0.95)}.`,
    `Weight decay in the delta hurts rescaling (DARE lies closer from the shrunken base, for every seed): ${cases
      .map(({ rate, from, nearer, says }) =>
        says
          ? `at ${rate} ${verdict(nearer === from.length)} (${nearer} of ${from.length} seeds)`
          : `at ${rate} nothing can be said (closer for ${nearer} of ${from.length} seeds, but farther than no delta at all)`,
      )
      .join('; ')}.`,
  ]
}

const nameOf = (merger, { task }) =>
  merger === 'emr'
    ? task
      ? `emr, task ${task}`
      : 'emr, unified delta'
    : merger === 'twin'
      ? 'twin, gate of classes'
      : merger

/** Distance from the first fine-tune of each merge. */
function mergesOf({ digits, percent, verdict }) {
  const runs = rowsOf('real-encoder-merges/runs').filter(({ status }) => status === 'ok')
  const cells = runs.map((row) => ({ row, others: JSON.parse(row.others_edited), options: JSON.parse(row.options) }))
  const sum = cells.find(({ row }) => row.merger === 'task_arithmetic')
  const mean = cells.find(({ row }) => row.merger === 'average')
  return [
    'Merges with the other fine-tune, measured against `classes`:',
    {
      head: ['merger', 'KL', 'same class'],
      rows: cells.map(({ row, others, options }) => [
        nameOf(row.merger, options),
        `${digits(Number(row.score_edited))} ± ${digits(others.kl_se)}`,
        percent(others.same_top),
      ]),
    },
    `The sum of both deltas keeps more of the classes than their average: ${verdict(sum.others.same_top > mean.others.same_top)} (${percent(sum.others.same_top)} and ${percent(mean.others.same_top)}).`,
  ]
}

/** The rows of both sweeps of `classes`, and the mean over those that have the wanted label and options. */
function joinedWith(rows) {
  const random = 'results/real-encoder-random/runs.csv'
  const more = existsSync(random) ? parse(readFileSync(random), { columns: true }) : []
  const all = [...rows, ...more.filter(({ status }) => status === 'ok')]
  const cell = (row, key) => (key in row && row[key] !== '' ? row[key] : JSON.parse(row.options)[key])
  const of = (wanted) =>
    all.filter((row) => Object.entries(wanted).every(([key, value]) => String(cell(row, key)) === String(value)))
  const measure = (row, column) =>
    Number(column.startsWith('others_edited.') ? JSON.parse(row.others_edited)[column.slice(14)] : row[column])
  const values = (wanted, column) => of(wanted).map((row) => measure(row, column))
  return {
    of,
    values,
    mean: (wanted, column) => average(values(wanted, column)),
    settings: (label, option) =>
      [...new Set(of({ label }).map((row) => cell(row, option)))].sort((a, b) => Number(a) - Number(b)),
  }
}

export function finding(kit) {
  const { percent, digits, verdict, spearman } = kit
  const { of, mean, values, settings } = joinedWith(kit.rows)
  const kl = (wanted) => mean(wanted, 'score_edited')
  const agree = (wanted) => mean(wanted, 'others_edited.same_top')
  /** Of one run over its texts; of several over their seeds. */
  const error = (wanted) => {
    const all = values(wanted, 'score_edited')
    if (all.length === 1) return mean(wanted, 'others_edited.kl_se')
    return errorOf(all)
  }
  const relative = (wanted) => average(of(wanted).map((row) => row.edit_norm / row.delta_norm))
  const told = (wanted) => `${digits(kl(wanted))} ± ${digits(error(wanted))}`
  const at = (label, option, value) => ({ label, [option]: value })
  const measured = EDITS.flatMap(([label, option]) =>
    settings(label, option).map((value) => ({ wanted: at(label, option, value), label, setting: [option, value] })),
  )
  const dropped = (label, rate) => at(label, 'drop_rate', rate)
  const ranks = settings('lowrank', 'rank').filter((rank) => agree(at('lowrank', 'rank', rank)) >= KEPT)
  const single = measured.filter(({ wanted }) => of(wanted)[0].seed === '')
  const wide = single.filter(({ wanted }) => error(wanted) > kl(wanted) / 2)
  const orders = spearman(
    measured.map(({ wanted }) => relative(wanted)),
    measured.map(({ wanted }) => kl(wanted)),
  )
  const halved = POOLER.filter((edit) => kl(at(...edit)) >= 2 * kl(at(`${edit[0]} but the pooler`, edit[1], edit[2])))
  const whole = of({ label: 'bitdelta' })[0].delta_norm
  return [
    `KL(fine-tune ‖ base) is ${digits(mean({}, 'score_pre'))} nats. Every edit, on ${of({})[0].n} reactions (KL in nats with its standard error, over the seeds where there are several and over the reactions otherwise):`,
    {
      head: [
        'edit',
        'option',
        'seeds',
        'bits per parameter',
        'relative error of Δ',
        'KL',
        'same class',
        'change of the right probability',
      ],
      rows: measured.map(({ wanted, label, setting: [option, value] }) => [
        label,
        `${option} ${value}`,
        of(wanted)[0].seed === '' ? '–' : of(wanted).length,
        digits(mean(wanted, 'bits_per_parameter')),
        digits(relative(wanted)),
        told(wanted),
        percent(agree(wanted)),
        digits(mean(wanted, 'others_edited.right_change')),
      ]),
    },
    `DARE at .9 keeps 95 % of the classes: ${verdict(agree(dropped('dare', 0.9)) >= KEPT)} (${percent(agree(dropped('dare', 0.9)))}, KL ${told(dropped('dare', 0.9))}). Its score changes by at most ${(100 * (1 - agree(dropped('dare', 0.9)))).toFixed(1)} points, the share of reactions whose class changes.`,
    `Magnitude pruning lies below DARE at .9: ${verdict(kl(dropped('magnitude', 0.9)) > kl(dropped('dare', 0.9)))} (KL ${told(dropped('magnitude', 0.9))}, ${percent(agree(dropped('magnitude', 0.9)))} of the classes).`,
    `One bit is enough: ${verdict(agree(at('bitdelta', 'blocks', 1)) >= KEPT)} (${percent(agree(at('bitdelta', 'blocks', 1)))} of the classes, KL ${told(at('bitdelta', 'blocks', 1))}).`,
    `Low rank is not, at an eighth of the ranks: ${verdict(agree(at('lowrank', 'rank', 32)) < KEPT)} (rank 32 of 256 keeps ${percent(agree(at('lowrank', 'rank', 32)))}; ${ranks.length ? `rank ${ranks[0]} is enough` : 'no rank is enough'}).`,
    `The standard error over the reactions is more than half of KL for ${wide.length} of the ${single.length} edits without seeds: there a few reactions make most of it, and KLs of the same order do not tell edits apart.`,
    `Not among the expectations: the relative error of the delta and KL have a rank correlation of ${digits(orders)} over ${measured.length} edits. Between kinds of edits it misleads: DARE at .9 has an error of ${digits(relative(dropped('dare', 0.9)))} and a KL of ${digits(kl(dropped('dare', 0.9)))}, magnitude pruning at .9 ${digits(relative(dropped('magnitude', 0.9)))} and ${digits(kl(dropped('magnitude', 0.9)))}.`,
    'The same edits of all tensors, and with the pooler left as it is:',
    {
      head: ['edit', 'option', 'KL, all tensors', 'KL, but the pooler', 'same class', 'but the pooler'],
      rows: POOLER.map(([label, option, value]) => [
        label,
        `${option} ${value}`,
        told(at(label, option, value)),
        told(at(`${label} but the pooler`, option, value)),
        percent(agree(at(label, option, value))),
        percent(agree(at(`${label} but the pooler`, option, value))),
      ]),
    },
    `Leaving the pooler unedited at least halves the divergence: ${verdict(halved.length === POOLER.length)} (${halved.length} of ${POOLER.length}${halved.length ? `: ${halved.map(([label, option, value]) => `${label} ${option} ${value}`).join(', ')}` : ''}).`,
    'The whole delta of some tensors taken away, the rest as it is:',
    {
      head: ['tensors', 'share of the squared norm of Δ', 'KL', 'same class'],
      rows: REMOVED.map((label) => [
        label.replace('no ', ''),
        (100 * (mean({ label }, 'edit_norm') / whole) ** 2).toPrecision(2) + ' %',
        told({ label }),
        percent(agree({ label })),
      ]),
    },
    `The biases of the keys cannot matter: ${verdict(kl({ label: 'no biases of keys' }) < 1e-10)} (KL ${digits(kl({ label: 'no biases of keys' }))} without their whole delta).`,
    ...(existsSync('results/real-encoder-tensors/terms.csv') ? tensorsOf(kit) : []),
    ...(existsSync('results/real-encoder-decay/runs.csv') ? decayOf(kit) : []),
    ...(existsSync('results/real-encoder-merges/runs.csv') ? mergesOf(kit) : []),
  ]
}
