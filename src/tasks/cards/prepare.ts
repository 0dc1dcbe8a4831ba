// What some data needs before a template is filled, by name; each does what lm-evaluation-harness does to the same data.
import { UserError } from '../../errors/index.js'
import { capitalise } from '../../jinja/index.js'
import { boxedAnswer, normaliseAnswer } from '../formulas/latex.js'
import type { DataRow } from './template.js'

/** A row with the columns it adds or changes. @throws UserError, without a place */
type Preparation = (row: DataRow) => DataRow

/** Brackets are left over from WikiHow. */
const cleanHellaswag = (text: string) =>
  text
    .trim()
    .replaceAll(' [title]', '. ')
    .replace(/\[.*?\]/g, '')
    .replaceAll('  ', ' ')

const hellaswag: Preparation = (row) => {
  const [label, first, second] = ['activity_label', 'ctx_a', 'ctx_b'].map((column) => textIn(row, column))
  const endings = row.endings
  if (!Array.isArray(endings)) throw new UserError('no list "endings"')
  return {
    ...row,
    query: cleanHellaswag(`${label}: ${first} ${capitalise(second!)}`),
    choices: endings.map((ending) => cleanHellaswag(String(ending))),
  }
}

/** Each of the two options fills the blank and makes a prompt; the text after the blank is scored under both. */
const winogrande: Preparation = (row) => {
  const sentence = textIn(row, 'sentence')
  const blank = sentence.indexOf('_')
  if (blank < 0) throw new UserError('"sentence" has no _')
  const prompts = ['option1', 'option2'].map((option) => sentence.slice(0, blank) + textIn(row, option))
  return { ...row, prompts, ending: sentence.slice(blank + 1).trim(), numbers: ['1', '2'] }
}

const math: Preparation = (row) => {
  const boxed = boxedAnswer(textIn(row, 'solution'))
  if (boxed === undefined) throw new UserError('"solution" has no \\boxed answer')
  return { ...row, answer: normaliseAnswer(boxed) }
}

const mnli: Preparation = (row) => {
  const hypothesis = textIn(row, 'hypothesis').trim()
  return { ...row, hypothesis: hypothesis.endsWith('.') ? hypothesis : `${hypothesis}.` }
}

/** Python's `\s`, inside a class of a regular expression. */
const S = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const enclosed = (open: string, inside: string, close: string) =>
  new RegExp(`${open}[${S}]*(${inside}*?)[${S}]*${close}`, 'g')

/** What the tokenizer of WikiText took apart is put together again. The order matters. */
const WIKITEXT: readonly (readonly [string | RegExp, string])[] = [
  ["s '", "s'"],
  [/\/' [0-9]\//g, "/'[0-9]/"],
  [' @-@ ', '-'],
  [' @,@ ', ','],
  [' @.@ ', '.'],
  ...[':', ';', '.', '!', '?', ','].map((mark) => [` ${mark} `, `${mark} `] as const),
  [enclosed('\\(', '[^)]', '\\)'), '($1)'],
  [enclosed('\\[', '[^\\]]', '\\]'), '[$1]'],
  [enclosed('\\{', '[^}]', '\\}'), '{$1}'],
  [enclosed('"', '[^"]', '"'), '"$1"'],
  [enclosed("'", "[^']", "'"), "'$1'"],
  ['= = = =', '===='],
  ['= = =', '==='],
  ['= =', '=='],
  [' ° ', '°'],
  [' \n', '\n'],
  ['\n ', '\n'],
  [' N ', ' 1 '],
  [" 's", "'s"],
]

const wikitext: Preparation = (row) => {
  const page = textIn(row, 'page')
  return { ...row, text: WIKITEXT.reduce((text, [from, to]) => text.replaceAll(from, to), page) }
}

function textIn(row: DataRow, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new UserError(`no text in the column ${JSON.stringify(column)}`)
  return value
}

export const PREPARATIONS: Readonly<Record<string, Preparation>> = { hellaswag, winogrande, math, mnli, wikitext }

/** What a card's rows need before its templates are filled. @throws UserError where a row does not have it */
export const preparationOf = ({ prepare }: { prepare?: string | undefined }): Preparation =>
  (prepare === undefined ? undefined : PREPARATIONS[prepare]) ?? ((row) => row)
