// Tasks that fill in the blank: every candidate is put into the text, and the head of an encoder says how likely each is. Link
// prediction in a knowledge graph is one.
import { UserError } from '../../errors/index.js'
import type { ItemBase, TaskBase } from '../base.js'
import { requiredEntry } from '../cards/card.js'
import { loadRows } from '../cards/data.js'
import { makeItems } from '../cards/items.js'
import { compileTemplate, type DataRow, fillText } from '../cards/template.js'
import { RANK_METRICS } from '../scoring/rank.js'
import { rightReader, textsOf } from './choices.js'
import type { CardKind } from './kind.js'

/** Where a candidate goes. */
const BLANK = '___'

interface RankingItem extends ItemBase {
  /** The texts, or pairs of texts, with one candidate each in the place of the blank. */
  filled: {
    /** The text, or the first of the pair. */
    text: string
    /** The second text of a pair. */
    pair?: string
  }[]
  /** Index of the right candidate. */
  right: number
  /** Class of the head whose likelihood ranks the candidates. */
  label: number
}

/** A task of ranking candidates. */
export interface RankingTask extends TaskBase {
  /** How answers are scored. */
  kind: 'rank'
  /** Its items, in the order of the data. */
  items: RankingItem[]
}

export const rankCards: CardKind<RankingTask> = {
  needs: ['choices', 'right', 'label'],
  metrics: Object.keys(RANK_METRICS),
  delimiter: '',
  async load(card, options) {
    const [prompt, label] = [compileTemplate(card.prompt), compileTemplate(requiredEntry(card, 'label'))]
    const pair = card.pair === undefined ? undefined : compileTemplate(card.pair)
    const right = rightReader(card)
    const items = makeItems<RankingItem>(card, await loadRows(card, options), (row) => {
      const all = textsOf(requiredEntry(card, 'choices'), row)
      const [chosen] = right(row, all)
      const target = all[chosen ?? -1]
      if (chosen === undefined) throw new UserError(`none of the ${all.length} choices is marked as right`)
      if (target === undefined)
        throw new UserError(`the right choice is number ${chosen} from 0, of ${all.length} choices`)
      const others = new Set(card.others === undefined ? [] : othersIn(card.others, row))
      if (others.has(target)) throw new UserError(`the right choice ${JSON.stringify(target)} is among the others`)
      const kept = all.filter((each) => !others.has(each))
      const texts = { text: fillText(prompt, row), ...(pair && { pair: fillText(pair, row) }) }
      if (!Object.values(texts).some((text) => text.includes(BLANK)))
        throw new UserError(`neither prompt nor pair has the blank ${BLANK}, where the choices go`)
      const value = Number(label.fill(row).trim() || NaN)
      if (!Number.isInteger(value) || value < 0)
        throw new UserError(`the label must be the number of a class; got ${JSON.stringify(label.fill(row))}`)
      const filled = kept.map((each) => ({
        text: texts.text.replaceAll(BLANK, () => each),
        ...(texts.pair !== undefined && { pair: texts.pair.replaceAll(BLANK, () => each) }),
      }))
      return { prompt: texts.text, target, filled, right: kept.indexOf(target), label: value }
    })
    return { items }
  },
}

/** The list may be empty. */
function othersIn(column: string, row: DataRow): string[] {
  const value = row[column]
  if (!Array.isArray(value)) throw new UserError(`no list in the column ${JSON.stringify(column)}`)
  return value.map(String)
}
