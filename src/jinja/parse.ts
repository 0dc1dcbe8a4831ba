// Jinja text as the library's tree. What it reads otherwise than Jinja2 is refused here.
import { parse, tokenize } from '@huggingface/jinja'
import type { TemplateStyle } from './filters/index.js'
import { quoteRaw } from './raw.js'
import { CLOSING_BRACKETS, OPENING_BRACKETS, rewrite, type Token } from './rewrite.js'

/** A node of the library's tree; each type has parts of its own. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the library does not export its types
export type AnyNode = { type: string } & Record<string, any>

const FOREIGN = new Set(['block', 'include', 'import', 'from', 'extends', 'autoescape'])
const ENDING = new Set(['Comma', 'Colon', 'CloseExpression', 'CloseStatement', 'OpenExpression', 'OpenStatement'])

/** `1 < x < 3` is two comparisons in Python, and a comparison of a truth value in the tree. @throws Error for one */
function checkChains(tokens: readonly Token[]): void {
  const open = [false]
  for (const { type, value } of tokens) {
    if (OPENING_BRACKETS.has(type)) open.push(false)
    else if (CLOSING_BRACKETS.has(type)) open.length > 1 && open.pop()
    else if (type === 'ComparisonBinaryOperator') {
      if (open.at(-1)) throw new Error('is not read here: a chain of comparisons; write `a < b and b < c`')
      open[open.length - 1] = true
    } else if (ENDING.has(type) || (type === 'Identifier' && ['and', 'or', 'if', 'else', 'not'].includes(value)))
      open[open.length - 1] = false
  }
}

/** The first part that Jinja2 reads and the library does not, or undefined. */
function foreignPart(tokens: readonly Token[]): string | undefined {
  for (const [i, { type, value }] of tokens.entries()) {
    const [before, next] = [tokens[i - 1], tokens[i + 1]]
    if (
      type === 'OpenParen' &&
      next?.type === 'CloseParen' &&
      !['Identifier', 'CloseParen', 'CloseSquareBracket'].includes(before?.type)
    )
      return 'the empty tuple ()'
    if (type === 'Comma' && next?.type === 'CloseParen') return 'a comma before )'
    if (type === 'OpenStatement' && next?.value === '+') return '{%+'
    if (value === '+' && next?.type === 'CloseStatement') return '+%}'
    if (type === 'OpenStatement' && FOREIGN.has(next?.value)) return `{% ${next.value} %}`
    if (type === 'Identifier' && value === 'recursive' && next?.type === 'CloseStatement') return 'a recursive loop'
  }
  return undefined
}

/** Numbers the library would cut or round. @throws Error for one */
function checkNumbers(tokens: readonly Token[]): void {
  for (const [i, { type, value }] of tokens.entries()) {
    const next = tokens[i + 1]
    if (
      type === 'NumericLiteral' &&
      next?.type === 'Identifier' &&
      /^(e\d|e$|_\d|x[\da-f_]|o[0-7_]|b[01_])/i.test(next.value)
    )
      throw new Error(`is not read here: the number ${value}${next.value}`)
  }
  const lost = tokens.find(
    ({ type, value }) => type === 'NumericLiteral' && !value.includes('.') && BigInt(Number(value)) !== BigInt(value),
  )
  if (lost) throw new Error(`is not read here: the integer ${lost.value}, which is beyond 2^53`)
}

/** @throws Error for what is not jinja, or a part of it that is not known: its message goes on after `the template` */
export function parseTemplate(text: string, style: TemplateStyle): AnyNode[] {
  const foreign = style === 'card' && /\{%[-+]?\s*(break|continue|generation)\s*[-+]?%\}/.exec(text)
  if (foreign) throw new Error(`is not read here: {% ${foreign[1]} %}, which is for chat templates only`)
  const blocks = style === 'chat'
  let tokens: Token[] = []
  let body: unknown
  try {
    tokens = tokenize(quoteRaw(text, style), { lstrip_blocks: blocks, trim_blocks: blocks })
    body = parse(rewrite(tokens)).body
  } catch (cause) {
    checkNumbers(tokens)
    const wrongEscape = /^Unexpected escaped character: (.)/s.exec((cause as Error).message)
    const part = wrongEscape ? `\\${wrongEscape[1]} in a text` : foreignPart(tokens)
    // The parser looks at a token behind the last one where a block is not closed.
    const why = cause instanceof TypeError ? 'it ends within a block' : (cause as Error).message
    throw new Error(part === undefined ? `is not jinja: ${why}` : `is not read here: ${part}`, {
      cause,
    })
  }
  checkNumbers(tokens)
  checkChains(tokens)
  return body as AnyNode[]
}
