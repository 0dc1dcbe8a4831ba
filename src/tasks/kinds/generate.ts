// Tasks that are answered by generated text.
import { UserError } from '../../errors/index.js'
import type { AskedItem, AskedTask } from '../base.js'
import { loadRows } from '../cards/data.js'
import { makeItems } from '../cards/items.js'
import { openShots } from '../cards/shots.js'
import { compileTemplate, type DataRow, fillText } from '../cards/template.js'
import type { AnswerMetric } from '../scoring/answer-metric.js'
import type { FilterStep, Ignored } from '../scoring/filters.js'
import { ANSWER_METRICS } from '../scoring/metrics.js'
import type { CardKind } from './kind.js'

/** A task whose answers are generated. */
export interface GenerateTask extends AskedTask {
  /** How answers are scored. */
  kind: 'generate'
  /** Texts that end an answer; they are not part of it. */
  stop?: string[]
  /** Ways to take the answer out of the text, by name; the score of the first is the task's. */
  filters?: Record<string, FilterStep[]>
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

export const generateCards: CardKind<GenerateTask> = {
  needs: ['max_new_tokens'],
  metrics: Object.keys(ANSWER_METRICS),
  delimiter: '',
  async load(card, options) {
    const prompt = compileTemplate(card.prompt)
    const asker = (targetTemplate: string) => {
      const target = targetTemplate === '' ? undefined : compileTemplate(targetTemplate)
      return (row: DataRow) => ({ prompt: fillText(prompt, row), target: target ? fillText(target, row) : '' })
    }
    const ask = asker(card.target)
    const rows = await loadRows(card, options)
    const shots = await openShots(card, asker(card.target && (card.fewshot?.target ?? card.target)), options)
    const ownMetrics = card.ownMetrics?.generate
    const metric = answerMetric({ name: card.name, ...(ownMetrics && { ownMetrics }) }, card.metrics[0])
    const items = makeItems<AskedItem>(card, rows, (row) => {
      const asked = ask(row)
      const { preamble, before } = shots(row)
      return { ...asked, ...(preamble && { preamble }), prompt: before + asked.prompt }
    })
    for (const [i, item] of items.entries()) {
      if (metric.exactImpliesRight && (await metric.score(item.target, item)) !== 1)
        throw new UserError(
          `${rows[i]!.where}: the target itself is not right by the metric ${metric.name}: ${metric.description}`,
        )
    }
    return { items, ...(ownMetrics && { ownMetrics }) }
  },
}
