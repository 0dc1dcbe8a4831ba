// Tasks that are answered by the choice of the highest log-likelihood.
import { UserError } from '../../errors/index.js'
import type { AskedItem, AskedTask } from '../base.js'
import { type Card, requiredEntry } from '../cards/card.js'
import { loadRows } from '../cards/data.js'
import { makeItems } from '../cards/items.js'
import { openShots } from '../cards/shots.js'
import { compileTemplate, type DataRow, fillText } from '../cards/template.js'
import { CHOICE_METRICS, type ChoiceItem, type ChoiceMetric } from '../scoring/choice.js'
import { CLASS_METRICS } from '../scoring/labels.js'
import type { CardKind } from './kind.js'

/** A task whose answers are scored by their likelihood. */
export interface ChoiceTask extends AskedTask {
  /** How answers are scored. */
  kind: 'choices'
  /** Metrics that the task brings with it, by name. */
  ownMetrics?: Readonly<Record<string, ChoiceMetric>>
  /** Its items, in the order of the data. */
  items: (AskedItem & ChoiceItem)[]
}

/** A metric of likelihoods by its name; undefined for one of classes. */
export const choiceMetric = (
  { ownMetrics }: Pick<ChoiceTask, 'ownMetrics'>,
  metric: string,
): ChoiceMetric | undefined =>
  ownMetrics?.[metric] ?? (CHOICE_METRICS as Readonly<Record<string, ChoiceMetric>>)[metric]

export const choiceCards: CardKind<ChoiceTask> = {
  needs: ['choices', 'right'],
  metrics: [...CLASS_METRICS, ...Object.keys(CHOICE_METRICS)],
  delimiter: ' ',
  async load(card, options) {
    const ask = asker(card)
    const rows = await loadRows(card, options)
    const shots = await openShots(card, ask, options)
    const items = makeItems<ChoiceTask['items'][number]>(card, rows, (row) => {
      const asked = ask(row)
      const { preamble, before } = shots(row)
      return {
        ...asked,
        prompt: before + asked.prompt,
        choices: asked.choices.map(({ prompt, text }) => ({ prompt: before + prompt, text })),
        ...(preamble && { preamble }),
      }
    })
    const ownMetrics = card.ownMetrics?.choices
    return { items, ...(ownMetrics && { ownMetrics }) }
  },
}

/** Reads the choices of a row, without examples in front. Prompt and target are those of the (first) right choice. */
function asker(card: Card): (row: DataRow) => ChoiceItem & { prompt: string; target: string } {
  const prompt = compileTemplate(card.prompt)
  const right = rightReader(card)
  return (row) => {
    const texts = textsOf(requiredEntry(card, 'choices'), row)
    const chosen = right(row, texts)
    const prompts = card.prompts ? listIn(card.prompts, row) : texts.map(() => fillText(prompt, row))
    const [only] = texts.length === 1 ? texts : []
    if (prompts.length < texts.length && only === undefined)
      throw new UserError(`${prompts.length} prompts for ${texts.length} choices`)
    const all = prompts.map((each, i) => ({ prompt: each, text: only ?? texts[i]! }))
    const stray = chosen.find((at) => at >= all.length)
    if (stray !== undefined) throw new UserError(`the right choice is number ${stray} from 0, of ${all.length} choices`)
    const best = all[chosen[0] ?? -1]
    if (!best) throw new UserError(`none of the ${all.length} choices is marked as right`)
    return { prompt: best.prompt, target: best.text, choices: all, right: chosen }
  }
}

/** A list of templates, or the column that holds the texts. */
export const textsOf = (choices: string | string[], row: DataRow): string[] =>
  typeof choices === 'string'
    ? listIn(choices, row)
    : choices.map((each) => fillText(compileTemplate(each), row, { numbers: true }))

/** The value at `column` or `column.part`. */
const valueIn = (path: string, row: DataRow): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as DataRow | undefined)?.[key], row)

function listIn(path: string, row: DataRow): string[] {
  const value = valueIn(path, row)
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value) || value.length === 0) throw new UserError(`no list in the column ${JSON.stringify(path)}`)
  return value.map(String)
}

/** Reads which choices are right: a column of marks, an index, or a text among the choices or their labels. */
export function rightReader(card: Card): (row: DataRow, texts: readonly string[]) => number[] {
  const right = requiredEntry(card, 'right')
  const template = compileTemplate(right)
  return (row, texts) => {
    const marks = /^[\w.]+$/.test(right) ? valueIn(right, row) : undefined
    if (Array.isArray(marks)) return marks.flatMap((mark, i) => (Number(mark) === 1 ? [i] : []))
    const answer = marks === undefined ? fillText(template, row, { numbers: true }).trim() : String(marks)
    const list = card.labels ? listIn(card.labels, row) : texts
    const named = list.indexOf(answer)
    if (named >= 0 && (card.labels || !/^\d+$/.test(answer))) return [named]
    if (/^\d+$/.test(answer)) return [Number(answer)]
    throw new UserError(`the right choice ${JSON.stringify(answer)} is not one of ${list.join(', ')}`)
  }
}
