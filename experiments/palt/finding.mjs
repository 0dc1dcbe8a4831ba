// How near each tuning comes to full fine-tuning, how far its delta can be dropped, and what is left of two merged PALT deltas.
import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'

const TUNINGS = ['full', 'lora', 'bitfit', 'prompt', 'palt']
const RATES = [0.3, 0.6, 0.9, 0.99]
const SEEDS = [1, 2, 3, 4, 5]
const WORDS = { full: 'full', lora: 'LoRA', bitfit: 'BitFit', prompt: 'prompt tuning', palt: 'PALT' }

export function finding({ mean, percent, verdict }) {
  const models = parse(readFileSync('results/palt/models.csv'), { columns: true, cast: true })
  const base = models.find(({ model }) => model === 'base')
  const of = (tuning) => models.filter(({ model }) => model.startsWith(`${tuning}-`))
  const average = (list) => list.reduce((sum, value) => sum + value, 0) / list.length
  const spread = (list) => {
    const middle = average(list)
    return Math.sqrt(list.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (list.length - 1))
  }
  const told = (tuning, column, show) => {
    const list = of(tuning).map((row) => row[column])
    return `${show(average(list))} ± ${show(spread(list))}`
  }
  const whole = of('full')[0].trained
  const at = (tuning, column) => average(of(tuning).map((row) => row[column]))
  /** Share of what full fine-tuning adds to the base. */
  const gain = (tuning, column) => (at(tuning, column) - base[column]) / (at('full', column) - base[column])
  const names = (tuning) => SEEDS.map((seed) => `${tuning}-${seed}`)
  const dropped = (tuning, task, rate) =>
    mean({ model: names(tuning), task, editor: 'dare', drop_rate: rate }, 'score_edited')
  const before = (tuning, task, column) => mean({ model: names(tuning), task, editor: 'dare' }, column)
  const table = (task, show) => ({
    head: ['tuning', 'base', 'p = 0', ...RATES.map((rate) => `p = ${rate}`)],
    rows: TUNINGS.map((tuning) => [
      WORDS[tuning],
      show(before(tuning, task, 'score_pre')),
      show(before(tuning, task, 'score_post')),
      ...RATES.map((rate) => show(dropped(tuning, task, rate))),
    ]),
  })
  /** Share of the gain over the base that DARE leaves. */
  const left = (tuning, task, rate) => {
    const [pre, post] = ['score_pre', 'score_post'].map((column) => before(tuning, task, column))
    return (dropped(tuning, task, rate) - pre) / (post - pre)
  }
  const merged = parse(readFileSync('results/palt/merges.csv'), { columns: true, cast: true })
  const tasks = ['triples-kin', 'links-kin', 'triples-places', 'links-places']
  const scoreOf = (merger, task) => average(merged.filter((row) => row.merger === merger).map((row) => row[task]))
  /** The part of the graph that a task is of, by itself. */
  const own = (task) => scoreOf(`palt-${task.split('-')[1]}`, task)
  const other = (task) => scoreOf(task.endsWith('kin') ? 'palt-places' : 'palt-kin', task)
  const showOf = (task) => (task.startsWith('triples') ? percent : (x) => x.toFixed(3))
  const mergers = [...new Set(merged.map(({ merger }) => merger))].filter((name) => !/^(base|palt-)/.test(name))
  const kept = (merger) =>
    average(tasks.map((task) => (scoreOf(merger, task) - scoreOf('base', task)) / (own(task) - scoreOf('base', task))))
  const near = gain('palt', 'acc') > 0.9 && gain('palt', 'mrr') > 0.9
  const above = (column) =>
    ['lora', 'bitfit', 'prompt']
      .filter((tuning) => at(tuning, column) > at('palt', column))
      .map((tuning) => WORDS[tuning])
  const list = (words) => (words.length ? words.join(', ') : 'none')
  return [
    'All held-out triples, mean and standard deviation of five training seeds:',
    {
      head: ['tuning', 'trained parameters', 'share', 'accuracy', 'MR', 'MRR', 'Hits@1', 'Hits@10'],
      rows: [
        [
          'base',
          0,
          '',
          percent(base.acc),
          base.mean_rank.toFixed(1),
          base.mrr.toFixed(3),
          percent(base.hits_at_1),
          percent(base.hits_at_10),
        ],
        ...TUNINGS.map((tuning) => [
          WORDS[tuning],
          of(tuning)[0].trained,
          percent(of(tuning)[0].trained / whole),
          told(tuning, 'acc', percent),
          told(tuning, 'mean_rank', (x) => x.toFixed(1)),
          told(tuning, 'mrr', (x) => x.toFixed(3)),
          told(tuning, 'hits_at_1', percent),
          told(tuning, 'hits_at_10', percent),
        ]),
      ],
    },
    `PALT brings nine tenths of what full fine-tuning brings, in both tasks: ${verdict(near)} (${percent(gain('palt', 'acc'))} of the accuracy, ${percent(gain('palt', 'mrr'))} of the MRR), with ${percent(of('palt')[0].trained / whole)} of the parameters, not 1 %.`,
    `More than PALT brings, of the small tunings: in accuracy ${list(above('acc'))}; in MRR ${list(above('mrr'))}.`,
    `Most held-out triples are found first by none of them: ${verdict(TUNINGS.every((tuning) => at(tuning, 'hits_at_1') < 0.5))}.`,
    'Accuracy on the first 28 held-out triples and their false ones, after DARE:',
    table('triples', percent),
    'MRR on the same triples, after DARE:',
    table('links', (x) => x.toFixed(3)),
    `PALT's delta is lost at lower drop rates than that of full fine-tuning: ${verdict(left('palt', 'triples', 0.6) < left('full', 'triples', 0.6) && left('palt', 'links', 0.6) < left('full', 'links', 0.6))} (at p = 0.6 PALT keeps ${percent(left('palt', 'triples', 0.6))} of its gain in accuracy and ${percent(left('palt', 'links', 0.6))} in MRR, full fine-tuning ${percent(left('full', 'triples', 0.6))} and ${percent(left('full', 'links', 0.6))}).`,
    'PALT deltas of the two parts of the graph, merged over the frozen encoder (accuracy and MRR of all held-out triples of the part):',
    {
      head: ['model', ...tasks],
      rows: [
        ['base', (task) => scoreOf('base', task)],
        ['the delta of the same part', own],
        ['the delta of the other part', other],
        ...mergers.map((merger) => [merger, (task) => scoreOf(merger, task)]),
      ].map(([words, score]) => [words, ...tasks.map((task) => showOf(task)(score(task)))]),
    },
    `A merge keeps more than half of what its two deltas bring, on average over the four columns: ${mergers.map((merger) => `${merger} ${verdict(kept(merger) > 0.5)} (${percent(kept(merger))})`).join(', ')}.`,
  ]
}
