// What each way of editing leaves of a published fine-tune: divergence and agreement, with the pooler and without it; which tensors carry the
// divergence; rescaling and weight decay; merges.
import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'

/** The edits of the first table, by label: the option that is varied, and its values. */
const EDITS = [
  ['dare', 'drop_rate', [0.9, 0.99]],
  ['drop-only', 'drop_rate', [0.9]],
  ['magnitude', 'drop_rate', [0.5, 0.7, 0.9, 0.95, 0.99]],
  ['breadcrumbs', 'drop_rate', [0.5, 0.9]],
  ['bitdelta', 'blocks', [1, 2]],
  ['bitdelta twice', 'passes', [2]],
  ['quantise', 'bits', [1, 2, 3, 4]],
  ['delta_come', 'bands', ['8x2+3x16+2x64']],
  ['lowrank', 'rank', [4, 16, 32, 64, 128]],
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
    `The norm of a tensor's delta says little (rank correlation below .8 in every edit): ${verdict(tables.every(({ delta }) => delta < 0.8))}; its relative change says nothing (within ±.2): ${verdict(tables.every(({ relative }) => Math.abs(relative) < 0.2))}.`,
  ]
}

/** Cosines of features of edits from the base and from the shrunken base. */
function decayOf({ digits, verdict }) {
  const all = rowsOf('real-encoder-decay/runs').filter(({ status }) => status === 'ok')
  const of = (model, label) =>
    all
      .filter((row) => row.model === model && row.label === label)
      .sort((a, b) => a.seed - b.seed)
      .map((row) => row.score_edited)
  const told = (cosines) =>
    `${average(cosines).toFixed(5)}${cosines.length > 1 ? ` ± ${digits(errorOf(cosines))}` : ''}`
  const labels = [...new Set(all.map(({ label }) => label))]
  const [from, shrunken] = ['base', 'shrunken'].map((base) => average(of(base, 'dare')))
  const pairs = of('base', 'dare').map((cosine, i) => [cosine, of('shrunken', 'dare')[i]])
  const none = ['base', 'shrunken'].map((base) => all.find(({ model }) => model === base).score_pre)
  return [
    `Mean cosine of the features of \`fingerprints\` with those of its edits, on ${all[0].n} reactions (drop rate .9; standard error over the seeds), edited from its base and from the base shrunk as much:`,
    {
      head: ['edit', 'from the base', 'from the shrunken base'],
      rows: [
        ['no delta', ...none.map((cosine) => cosine.toFixed(5))],
        ...labels.map((label) => [label, told(of('base', label)), told(of('shrunken', label))]),
      ],
    },
    `DARE at .9 keeps the features of this longer delta (cosine of at least .95): ${verdict(from >= 0.95)}.`,
    `Weight decay in the delta hurts rescaling (DARE lies closer from the shrunken base, for every seed): ${verdict(pairs.every(([a, b]) => b > a))} (${pairs.filter(([a, b]) => b > a).length} of ${pairs.length} seeds; mean cosine ${digits(from)} and ${digits(shrunken)}, which is ${Math.max(from, shrunken) < Math.max(...none) ? 'farther than no delta at all, so that little can be said' : 'nearer than no delta'}).`,
  ]
}

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
        row.merger === 'emr' ? `emr, task ${options.task}` : row.merger,
        `${digits(Number(row.score_edited))} ± ${digits(others.kl_se)}`,
        percent(others.same_top),
      ]),
    },
    `The sum of both deltas keeps more of the classes than their average: ${verdict(sum.others.same_top > mean.others.same_top)} (${percent(sum.others.same_top)} and ${percent(mean.others.same_top)}).`,
  ]
}

export function finding(kit) {
  const { of, mean, values, percent, digits, verdict, spearman } = kit
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
  const measured = EDITS.flatMap(([label, option, all]) => all.map((value) => at(label, option, value)))
    .map((wanted) => ({ wanted, label: wanted.label, setting: Object.entries(wanted)[1] }))
    .filter(({ wanted }) => of(wanted).length)
  const dropped = (label, rate) => at(label, 'drop_rate', rate)
  const ranks = [4, 16, 32, 64, 128].filter((rank) => agree(at('lowrank', 'rank', rank)) >= KEPT)
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
        'bits per parameter',
        'relative error of Δ',
        'KL',
        'same class',
        'change of the right probability',
      ],
      rows: measured.map(({ wanted, label, setting: [option, value] }) => [
        label,
        `${option} ${value}`,
        digits(mean(wanted, 'bits_per_parameter')),
        digits(relative(wanted)),
        told(wanted),
        percent(agree(wanted)),
        digits(mean(wanted, 'others_edited.right_change')),
      ]),
    },
    `DARE at .9 keeps 95 % of the classes: ${verdict(agree(dropped('dare', 0.9)) >= KEPT)} (${percent(agree(dropped('dare', 0.9)))}, KL ${told(dropped('dare', 0.9))}).`,
    `Magnitude pruning lies below DARE at .9: ${verdict(kl(dropped('magnitude', 0.9)) > kl(dropped('dare', 0.9)))} (KL ${told(dropped('magnitude', 0.9))}, ${percent(agree(dropped('magnitude', 0.9)))} of the classes).`,
    `One bit is enough: ${verdict(agree(at('bitdelta', 'blocks', 1)) >= KEPT)} (${percent(agree(at('bitdelta', 'blocks', 1)))} of the classes, KL ${told(at('bitdelta', 'blocks', 1))}).`,
    `Low rank is not, at an eighth of the ranks: ${verdict(agree(at('lowrank', 'rank', 32)) < KEPT)} (rank 32 of 256 keeps ${percent(agree(at('lowrank', 'rank', 32)))}; ${ranks.length ? `rank ${ranks[0]} is enough` : 'no rank is enough'}).`,
    `The relative error of the delta orders the edits as KL does: rank correlation ${digits(orders)} over ${measured.length} edits.`,
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
