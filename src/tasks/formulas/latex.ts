// Final answers in LaTeX: out of a solution, and in one spelling, as Lewkowycz et al. 2022 (arXiv 2206.14858, appendix D) do
// and lm-evaluation-harness 0.4.13 mends it.
import { sameFormula } from './algebra.js'

/** What stands in the last \boxed{…} (or \fbox{…}, or after "\boxed "); undefined without one. */
export function boxedAnswer(text: string): string | undefined {
  if (text.includes('\\boxed ')) return text.slice(text.lastIndexOf('\\boxed ') + 7).split('$')[0]
  const start = text.includes('\\boxed') ? text.lastIndexOf('\\boxed') : text.lastIndexOf('\\fbox')
  if (start < 0) return undefined
  const first = text.indexOf('{', start)
  if (first < 0) return undefined
  for (let at = first, open = 0; at < text.length; at++) {
    if (text[at] === '{') open++
    else if (text[at] === '}' && --open === 0) return text.slice(first + 1, at)
  }
  return undefined
}

/** The answer after the words that the few-shot solutions end with. */
export function statedAnswer(text: string): string | undefined {
  const [, answer] =
    /Final Answer: The final answer is(.*?). I hope it is correct./.exec(`${text}I hope it is correct.`) ?? []
  return answer?.trim()
}

const SPELLINGS: readonly (readonly [string, string])[] = [
  ['an ', ''],
  ['a ', ''],
  ['.$', '$'],
  ['\\$', ''],
  ['\\ ', ''],
  [' ', ''],
  ['mbox', 'text'],
  [',\\text{and}', ','],
  ['\\text{and}', ','],
  ['\\text{m}', '\\text{}'],
]

const UNITS = [
  ...'square ways integers dollars mph inches ft hours km units sue points feet minutes digits cents degrees cm gm'.split(
    ' ',
  ),
  ...'pounds meters meals edges students childrentickets multiples'.split(' '),
]
const WITHOUT_MEANING = [
  '\\ldots',
  '\\text{s}',
  '\\text{.}',
  '\\text{\ns}',
  '\\text{}^2',
  '\\text{}^3',
  '\\text{\n}',
  '\\text{}',
  '\\mathrm{th}',
  '^\\circ',
  '^{\\circ}',
  '\\;',
  ',\\!',
  '{,}',
  '"',
  '\\dots',
]

/** Units where spaces still part them from other words. */
const UNIT = new RegExp(`(?<![\\\\\\p{L}\\p{N}_])(${UNITS.join('|')})(?![\\p{L}\\p{N}_])`, 'gu')

/** Units that stand against what they belong to, but for the letters of commands: \left keeps its ft. */
function withoutUnits(text: string): string {
  const parts = text.split(/(\\[a-zA-Z]+)/)
  return parts.map((part, i) => (i % 2 ? part : UNITS.reduce((left, unit) => left.replaceAll(unit, ''), part))).join('')
}

/** One spelling for answers that mean the same: without units, text and spaces; \frac12 as \frac{1}{2}; 1,000 as 1000. */
export function normaliseAnswer(answer: string): string {
  let text = answer.slice(answer.lastIndexOf('=') + 1).replace(UNIT, '')
  for (const [from, to] of SPELLINGS) text = text.replaceAll(from, to)
  text = withoutUnits(text)
  for (const word of WITHOUT_MEANING) text = text.replaceAll(word, '')
  text = text
    .replace(/(.*?)(\$)(.*?)(\$)(.*)/g, '$$$3$$')
    .replace(/(\\text\{)(.*?)(\})/g, '$2')
    .replace(/(\\textbf\{)(.*?)(\})/g, '$2')
    .replace(/(\\overline\{)(.*?)(\})/g, '$2')
    .replace(/(\\boxed\{)(.*)(\})/g, '$2')
    .replace(/(frac)([^{])(.)/g, 'frac{$2}{$3}')
    .replace(/(sqrt)(\[[^\]]*\])([\p{L}\p{N}_])/gu, '$1$2{$3}')
    .replace(/(sqrt)(?!\[)([^{])/g, 'sqrt{$2}')
    .replaceAll('$', '')
  return /^-?\d{1,3}(,\d{3})+$/.test(text) ? text.replaceAll(',', '') : text
}

/** Equal after normalisation, or the same number or formula; where sympy cannot read an answer, the same text is still right. */
export const sameAnswer = (one: string, two: string): boolean => one === two || sameFormula(one, two)
