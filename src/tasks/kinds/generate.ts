// Tasks that are answered by generated text.
import { UserError } from '../../errors/index.js'
import { type AskedItem, type AskedTask, replyMetrics } from '../base.js'
import type { Card } from '../cards/card.js'
import { loadRows } from '../cards/data.js'
import { makeItems } from '../cards/items.js'
import { placeRow } from '../cards/rows.js'
import { openShots } from '../cards/shots.js'
import { compileTemplate, type DataRow, fillText } from '../cards/template.js'
import type { AnswerMetric } from '../scoring/answer-metric.js'
import type { FilterStep, Ignored } from '../scoring/filters.js'
import { ANSWER_METRICS } from '../scoring/metrics.js'
import { type Judgements, readSelfCorrection, type SelfCorrected } from '../scoring/self-correction.js'
import type { CardKind } from './kind.js'

/** A task whose answers are generated. */
export interface GenerateTask extends AskedTask {
  /** How answers are scored. */
  kind: 'generate'
  /** Texts that end an answer; they are not part of it. */
  stop?: string[]
  /** Ways to take the answer out of the text, by name; the score of the first is the task's. */
  filters?: Record<string, FilterStep[]>
  /** How the model judges its own answers, where it is to correct them. */
  selfCorrection?: Judgements
  /** What exact_match ignores. */
  ignore?: Ignored
  /** Metrics that the task brings with it, by name. */
  ownMetrics?: Readonly<Record<string, AnswerMetric>>
  /** Its items, in the order of the data. */
  items: AskedItem[]
}

/** A metric of the task by its name. @throws UserError for a name that is no metric of generated answers */
export function answerMetric(
  { name, ownMetrics }: Pick<GenerateTask, 'name' | 'ownMetrics'>,
  metric: string,
): AnswerMetric {
  const found = ownMetrics?.[metric] ?? ANSWER_METRICS[metric]
  if (!found) throw new UserError(`task ${name}: the metric ${metric} does not score generated answers`)
  return found
}

/**
 * The parts of an answer to an item, and what the target says is right: of a task of self-correction.
 * @param judgements of the task
 */
export function partsOfAnswer(
  answer: string,
  item: AskedItem,
  judgements: Judgements,
): SelfCorrected & { item: AskedItem } {
  const given = item.first ?? ''
  const { final } = readSelfCorrection(given + item.target, judgements)
  return { ...readSelfCorrection(given + answer, judgements), item: { ...item, target: final } }
}

/** @throws UserError for texts that cannot be told apart, with the path of the entry */
function judgementsOf({ self_correction }: Card): Judgements | undefined {
  if (!self_correction) return undefined
  const { confirmed, rejected } = self_correction
  if (confirmed.includes(rejected) || rejected.includes(confirmed))
    throw new UserError(
      `one of confirmed (${JSON.stringify(confirmed)}) and rejected (${JSON.stringify(rejected)}) is in the other, so they cannot be told apart`,
      { path: ['self_correction'] },
    )
  return { confirmed, rejected }
}

export const generateCards: CardKind<GenerateTask> = {
  needs: ['max_new_tokens'],
  metrics: Object.keys(ANSWER_METRICS),
  delimiter: '',
  async load(card, options) {
    const prompt = compileTemplate(card.prompt)
    const asker = (targetTemplate: string) => {
      const target = targetTemplate === '' ? undefined : compileTemplate(targetTemplate)
      return (row: DataRow) => ({
        prompt: fillText(prompt, row),
        target: target ? fillText(target, row, { numbers: true }) : '',
      })
    }
    const ask = asker(card.target)
    const selfCorrection = judgementsOf(card)
    const firstTemplate = card.self_correction?.first
    const first = firstTemplate === undefined ? undefined : compileTemplate(firstTemplate)
    const rows = await loadRows(card, options)
    const shots = await openShots(card, asker(card.target && (card.fewshot?.target ?? card.target)), options)
    const ownMetrics = card.ownMetrics?.generate
    const metrics = replyMetrics({ metric: card.metrics[0], others: card.metrics.slice(1) }).map((metric) =>
      answerMetric({ name: card.name, ...(ownMetrics && { ownMetrics }) }, metric),
    )
    const [metric] = metrics
    const items = makeItems<AskedItem>(card, rows, (row) => {
      const asked = ask(row)
      const { preamble, before } = shots(row)
      const given = first && fillText(first, row)
      if (given && !asked.prompt.endsWith(given))
        throw new UserError(`the prompt does not end with the first answer ${JSON.stringify(given)}`)
      return { ...asked, ...(preamble && { preamble }), ...(given && { first: given }), prompt: before + asked.prompt }
    })
    for (const [i, each] of items.entries()) {
      const { final: target, item } = selfCorrection
        ? partsOfAnswer(each.target, each, selfCorrection)
        : { final: each.target, item: each }
      placeRow(rows[i]!.where, () => metrics.map(({ check }) => check?.(item)))
      if (metric?.exactImpliesRight && (await metric.score(target, item)) !== 1)
        throw new UserError(
          `${rows[i]!.where}: the target itself is not right by the metric ${metric.name}: ${metric.description}`,
        )
    }
    return { items, ...(selfCorrection && { selfCorrection }), ...(ownMetrics && { ownMetrics }) }
  },
}
