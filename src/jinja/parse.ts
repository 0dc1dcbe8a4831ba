// Jinja text as the library's tree. What it reads otherwise than Jinja2 is refused here.
import { parse, tokenize } from '@huggingface/jinja'
import type { Style } from './filters.js'

/** A node of the library's tree; each type has parts of its own. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the library does not export its types
export type AnyNode = { type: string } & Record<string, any>

type Token = ReturnType<typeof tokenize>[number]

const CLOSING = new Set(['CloseParen', 'CloseSquareBracket', 'CloseCurlyBracket'])
const OPENING = new Set(['OpenParen', 'OpenSquareBracket', 'OpenCurlyBracket'])
const ENDING = new Set(['Comma', 'Colon', 'CloseExpression', 'CloseStatement', 'OpenExpression', 'OpenStatement'])

/** `1 < x < 3` is two comparisons in Python, and a comparison of a truth value in the tree. @throws Error for one */
function checkChains(tokens: readonly Token[]): void {
  const open = [false]
  for (const { type, value } of tokens) {
    if (OPENING.has(type)) open.push(false)
    else if (CLOSING.has(type)) open.length > 1 && open.pop()
    else if (type === 'ComparisonBinaryOperator') {
      if (open.at(-1)) throw new Error('chained comparisons are not supported: write `a < b and b < c`')
      open[open.length - 1] = true
    } else if (ENDING.has(type) || (type === 'Identifier' && ['and', 'or', 'if', 'else', 'not'].includes(value))) open[open.length - 1] = false
  }
}

/** @throws Error for what is not jinja, or a part of it that is not known */
export function parseTemplate(text: string, style: Style): AnyNode[] {
  if (/\{%-?\s*raw\s*-?%\}/.test(text)) throw new Error('raw blocks are not supported')
  const foreign = style === 'card' && /\{%[-+]?\s*(break|continue|generation)\s*[-+]?%\}/.exec(text)
  if (foreign) throw new Error(`${foreign[1]} is for chat templates only`)
  const blocks = style === 'chat'
  const tokens = tokenize(text, { lstrip_blocks: blocks, trim_blocks: blocks })
  checkChains(tokens)
  return parse(tokens).body as unknown as AnyNode[]
}
