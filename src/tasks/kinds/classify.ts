// Tasks that are answered by the head of an encoder: a class, or a value, for a text or a pair of texts.
import { UserError } from '../../errors/index.js'
import type { ItemBase, TaskBase } from '../base.js'
import { requiredEntry } from '../cards/card.js'
import { loadRows } from '../cards/data.js'
import { makeItems } from '../cards/items.js'
import { compileTemplate, fillText } from '../cards/template.js'
import { CLASS_METRICS, VALUE_METRICS } from '../scoring/labels.js'
import type { CardKind } from './kind.js'

export interface ClassifyItem extends ItemBase {
  /** Second text of a pair. */
  pair?: string
  /** Index of the right class, or the right value. */
  label: number
}

/** A task for models with a classification head. */
export interface ClassifyTask extends TaskBase {
  /** How answers are scored. */
  kind: 'classify'
  /** Its items, in the order of the data. */
  items: ClassifyItem[]
}

export const classifyCards: CardKind<ClassifyTask> = {
  needs: ['label'],
  metrics: [...CLASS_METRICS, ...VALUE_METRICS],
  delimiter: '',
  async load(card, options) {
    const [prompt, label] = [compileTemplate(card.prompt), compileTemplate(requiredEntry(card, 'label'))]
    const pair = card.pair === undefined ? undefined : compileTemplate(card.pair)
    const items = makeItems<ClassifyItem>(card, await loadRows(card, options), (row) => {
      const text = label.fill(row)
      const value = Number(text.trim() || NaN)
      if (!Number.isFinite(value)) throw new UserError(`the label must be a number; got ${JSON.stringify(text)}`)
      return { prompt: fillText(prompt, row), ...(pair && { pair: fillText(pair, row) }), label: value, target: '' }
    })
    return { items }
  },
}
