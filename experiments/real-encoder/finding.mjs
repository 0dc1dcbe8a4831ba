// What each way of editing leaves of a published fine-tune: divergence and agreement, with the pooler and without it, and which tensors carry it.
import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'

/** The edits of the first table, by label: the option that is varied, and its values. */
const EDITS = [
  ['dare', 'drop_rate', [0.5, 0.9, 0.95, 0.99]],
  ['drop-only', 'drop_rate', [0.5, 0.9]],
  ['magnitude', 'drop_rate', [0.5, 0.7, 0.9, 0.95, 0.99]],
  ['magprune', 'drop_rate', [0.9]],
  ['darex', 'drop_rate', [0.9]],
  ['impart', 'drop_rate', [0.9]],
  ['ultradelta', 'drop_rate', [0.9]],
  ['breadcrumbs', 'drop_rate', [0.5, 0.9]],
  ['bitdelta', 'blocks', [1, 2]],
  ['bitdelta twice', 'passes', [2]],
  ['quantise', 'bits', [1, 2, 3, 4]],
  ['delta_come', 'bands', ['8x2+3x16+2x64']],
  ['lowrank', 'rank', [4, 16, 32, 64, 128]],
  ['expo', 'alpha', [-0.5, 0.5]],
  ['biased', 'k', [0, 0.5]],
]
const POOLER = [
  ['dare', 'drop_rate', 0.9],
  ['dare', 'drop_rate', 0.99],
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

export function finding({ of, mean, values, percent, digits, verdict, spearman }) {
  const kl = (wanted) => mean(wanted, 'score_edited')
  const agree = (wanted) => mean(wanted, 'others_edited.same_top')
  /** Of one run over its texts; of several over their seeds. */
  const error = (wanted) => {
    const all = values(wanted, 'score_edited')
    if (all.length === 1) return mean(wanted, 'others_edited.kl_se')
    return Math.sqrt(all.reduce((sum, x) => sum + (x - average(all)) ** 2, 0) / (all.length - 1) / all.length)
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
  const share = (label) => relative({ label }) ** 2 // of the edited tensors, whose whole delta is gone
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
  ]
}
