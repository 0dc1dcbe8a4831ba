// The items of a task from the rows of its data: templates filled, examples put in front, every row checked.
import { UserError } from '../../errors/index.js'
import { Float, plainNumbers, Whole } from '../../jinja/index.js'
import { METRICS } from '../scoring/metrics.js'
import type { Choice, Item } from '../task.js'
import { type Card, within } from './card.js'
import { type Drawer, openDrawer } from './fewshot.js'
import { PREPARATIONS } from './prepare.js'
import type { PlacedRow } from './rows.js'
import { checkColumns, compileTemplate, type Filler, type Row } from './template.js'

/** What is asked of one row, without examples in front. */
interface Asked {
  prompt: string
  target: string
  choices?: Choice[]
  right?: number[]
}

/**
 * Items in the order of the rows. `id` is optional (then the row's number) and must be unique; other fields are kept for
 * the metric.
 * @param pool rows that examples are drawn from
 * @throws UserError with path and line: a column is missing, a text is empty, a duplicate id, a target that its own metric
 *   calls wrong, no item at all
 */
export function makeItems(card: Card, rows: readonly PlacedRow[], pool: readonly PlacedRow[] = []): Item[] {
  const fillers = Object.fromEntries(
    (['preamble', 'prompt', 'target', 'right', 'pair', 'label'] as const).flatMap((key) =>
      card[key] === undefined ? [] : [[key, compileTemplate(card[key])]],
    ),
  ) as Record<string, Filler>
  const taken = new Set(['prompt', 'target', 'pair', 'label'].flatMap((key) => fillers[key]?.only ?? []))
  const prepare = (row: Row): Row => (card.prepare ? PREPARATIONS[card.prepare]!(row) : row)
  const examples = pool.map((each) => ({
    ...each,
    row: within(
      () => prepare(each.row),
      (message) => new UserError(`${each.where}: ${message}`),
    ),
  }))
  const draw = card.fewshot && openDrawer(card.fewshot, examples)
  const lineOfId = new Map<string, number>()
  const items = rows.map(
    ({ where, number, row: raw }): Item =>
      within(
        () => {
          const row = prepare(raw)
          const { [card.id ?? 'id']: given = String(number), ...rest } = row
          const id = given instanceof Float || given instanceof Whole ? String(given) : given
          if (typeof id !== 'string' && typeof id !== 'number') throw new UserError('id must be a text or a number')
          const earlier = lineOfId.get(String(id))
          if (earlier !== undefined) throw new UserError(`id ${JSON.stringify(id)} is already that of line ${earlier}`)
          lineOfId.set(String(id), number)
          const fields = Object.fromEntries(
            Object.entries(rest)
              .filter(([key]) => !taken.has(key))
              .map(([key, value]) => [key, plainNumbers(value)]),
          )
          if (card.kind === 'classify') return { id: String(id), ...classified(row, fillers), target: '', fields }
          const asked = ask(card, row, fillers, false)
          const preamble = card.preamble === '' ? '' : textFrom(fillers.preamble!, row)
          const before = preamble + shotsFor(card, row, fillers, draw)
          const item: Item = {
            id: String(id),
            ...asked,
            ...(preamble && { preamble }),
            prompt: before + asked.prompt,
            fields,
          }
          if (asked.choices) item.choices = asked.choices.map(({ prompt, text }) => ({ prompt: before + prompt, text }))
          checkTarget(card, item)
          return item
        },
        (message) => new UserError(`${where}: ${message}`),
      ),
  )
  if (items.length === 0)
    throw new UserError(
      `${describeData(card)} holds no items; each line must have ${[...columnsFor(fillers)].join(' and ')}`,
    )
  return items
}

/** What stands between prompt and answer: a space before a choice, nothing else unless the card says so. */
export const delimiterOf = ({ delimiter, kind }: Card): string => delimiter ?? (kind === 'choices' ? ' ' : '')

export const describeData = ({ data }: Card): string =>
  typeof data === 'string' ? data : `${data.hub} (${data.split})`

const columnsFor = (fillers: Record<string, Filler>) =>
  new Set(Object.values(fillers).flatMap(({ columns }) => columns))

/** @param loose a number may stand for a text */
function textFrom(filler: Filler, row: Row, loose = false): string {
  checkColumns(filler, filler.only ? { ...row, [filler.only]: row[filler.only] ?? '' } : row)
  const value = filler.only === undefined ? undefined : row[filler.only]
  if (!loose && value !== undefined && typeof value !== 'string')
    throw new UserError(`${JSON.stringify(filler.only)} must be a text`)
  const text = filler.fill(row)
  if (text === '')
    throw new UserError(`${filler.only ? JSON.stringify(filler.only) : 'the prompt'} must be a text that is not empty`)
  return text
}

function ask(card: Card, row: Row, fillers: Record<string, Filler>, example: boolean): Asked {
  const target = example && card.fewshot?.target ? compileTemplate(card.fewshot.target) : fillers.target
  if (card.kind !== 'choices')
    return { prompt: textFrom(fillers.prompt!, row), target: card.target === '' ? '' : textFrom(target!, row) }
  const texts = listOf(card.choices!, row)
  const right = rightOf(card, row, texts, fillers.right!)
  const prompts = card.prompts ? listIn(card.prompts, row) : texts.map(() => textFrom(fillers.prompt!, row))
  if (prompts.length < texts.length && texts.length !== 1)
    throw new UserError(`${prompts.length} prompts for ${texts.length} choices`)
  const choices = prompts.map((prompt, i) => ({ prompt, text: texts[texts.length === 1 ? 0 : i]! }))
  const best = choices[right[0]!]
  if (!best) throw new UserError(`the right choice is number ${right[0]}, of ${choices.length}`)
  return { prompt: best.prompt, target: best.text, choices, right }
}

/** A list of templates, or the column that holds the texts. */
function listOf(choices: string | string[], row: Row): string[] {
  return typeof choices === 'string'
    ? listIn(choices, row)
    : choices.map((each) => textFrom(compileTemplate(each), row, true))
}

function valueIn(path: string, row: Row): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Row | undefined)?.[key], row)
}

function listIn(path: string, row: Row): string[] {
  const value = valueIn(path, row)
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value) || value.length === 0) throw new UserError(`no list in the column ${JSON.stringify(path)}`)
  return value.map(String)
}

function rightOf({ right, labels }: Card, row: Row, texts: readonly string[], filler: Filler): number[] {
  const marks = /^[\w.]+$/.test(right!) ? valueIn(right!, row) : undefined
  if (Array.isArray(marks)) return marks.flatMap((mark, i) => (Number(mark) === 1 ? [i] : []))
  const answer = marks === undefined ? textFrom(filler, row).trim() : String(marks)
  const list = labels ? listIn(labels, row) : texts
  const named = list.indexOf(answer)
  if (named >= 0 && (labels || !/^\d+$/.test(answer))) return [named]
  if (/^\d+$/.test(answer)) return [Number(answer)]
  throw new UserError(`the right choice ${JSON.stringify(answer)} is none of ${list.join(', ')}`)
}

function classified(
  row: Row,
  { prompt, pair, label }: Record<string, Filler>,
): Pick<Item, 'prompt' | 'pair' | 'label'> {
  checkColumns(label!, row)
  const value = Number(label!.fill(row).trim() || NaN)
  if (!Number.isFinite(value))
    throw new UserError(`the label must be a number, got ${JSON.stringify(label!.fill(row))}`)
  return { prompt: textFrom(prompt!, row), ...(pair && { pair: textFrom(pair, row) }), label: value }
}

/** Examples, ready to stand before the item's prompt. */
function shotsFor(card: Card, row: Row, fillers: Record<string, Filler>, draw: Drawer | undefined): string {
  const { fewshot } = card
  if (!fewshot?.number || !draw) return ''
  const examples = draw(row).map((example) => {
    const { prompt, target } = ask(card, example.row, fillers, true)
    return `${prompt}${delimiterOf(card)}${target}${fewshot.separator}`
  })
  return examples.join('')
}

function checkTarget({ kind, metrics }: Card, item: Item): void {
  if (kind !== 'generate') return
  const metric = METRICS[metrics[0]!]!
  if (metric.exactImpliesRight && metric.score(item.target, item) !== 1) {
    throw new UserError(`the target itself is not right by the metric ${metric.name}: ${metric.description}`)
  }
}
