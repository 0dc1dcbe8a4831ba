// Texts alone, without questions: every token of a text is scored.
import type { ItemBase, TaskBase } from '../base.js'
import { loadRows } from '../cards/data.js'
import { makeItems } from '../cards/items.js'
import { compileTemplate } from '../cards/template.js'
import { TEXT_METRICS } from '../scoring/text.js'
import type { CardKind } from './kind.js'

/** A part of a text that a model reads at once. */
export interface TextWindow {
  /** Its tokens. */
  ids: readonly number[]
  /** The first so many, at least one, are read and not scored: they are context, or were scored in an earlier window. */
  unscored: number
}

/** An item whose `target` is the text. */
export interface TextItem extends ItemBase {
  /** The text whose words and bytes are counted, where it is another one. */
  counted?: string
  /** The file of a large text, which is read as far as it is needed: `target` is '' then. */
  file?: string
  /** Of the windows of a text that stands alone: `target` is '' then. */
  window?: TextWindow
}

/** A task of texts. */
export interface TextTask extends TaskBase {
  /** How answers are scored. */
  kind: 'text'
  /** Tokens of a window; without it those of the model's positions, 1024 at most. */
  length?: number
  /** Tokens between the beginnings of two windows; `length` unless given. */
  stride?: number
  /** Windows as those of lm-evaluation-harness: each token is scored once, after a token that stands in front of the text. */
  rolling?: true
  /** Its items, in the order of the data. */
  items: TextItem[]
  /** The text that the items are windows of. */
  whole?: TextItem
}

export const textCards: CardKind<TextTask> = {
  needs: [],
  metrics: Object.keys(TEXT_METRICS),
  delimiter: '',
  async load(card, options) {
    const { length, stride, rolling, counted } = card
    const target = compileTemplate(card.target)
    const count = counted === undefined ? undefined : compileTemplate(counted)
    const rows = await loadRows(card, options)
    const items = makeItems<TextItem>(card, rows, (row) => ({
      prompt: '',
      target: target.fill(row),
      ...(count && { counted: count.fill(row) }),
    })).map((item, i) => ({ ...item, ...(rows[i]!.file !== undefined && { file: rows[i]!.file }) }))
    return { items, ...(length && { length }), ...(stride && { stride }), ...(rolling && { rolling }) }
  },
}
