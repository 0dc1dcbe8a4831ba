// Jinja templates filled as Python fills them: chat templates as transformers 5.18 does, cards as lm-evaluation-harness 0.4.13 does.

import type { TemplateStyle } from './filters/index.js'
import { type AnyNode, parseTemplate } from './parse.js'
import { Filling } from './statements.js'
import { type Callable, toValue, type Value } from './values.js'

export { capitalise } from './case.js'
export { CHAT_FUNCTIONS } from './chat.js'
export { Float, parseNumbers, plainNumbers, Whole, wholeOf } from './numbers.js'
export type { AnyNode } from './parse.js'
export { strip } from './strip.js'
export { printed } from './text.js'
export { type Callable, toValue } from './values.js'

export interface Template {
  /** The parsed text. */
  body: readonly AnyNode[]
  /**
   * @param functions of this template alone
   * @throws Error where Python has one, and for what is not supported here
   */
  fill(names: Readonly<Record<string, unknown>>, functions?: Readonly<Record<string, Callable>>): string
}

/** @throws Error for what is not jinja, or a part of it that is not known */
export function compile(given: string, style: TemplateStyle): Template {
  // Jinja2 makes one kind of line break of all.
  const text = given.replace(/\r\n?/g, '\n')
  const body = parseTemplate(text, style)
  // The library drops the last line break, as Jinja2 does; the harness keeps it, where no tag takes the space behind it.
  const end = style === 'card' && text.endsWith('\n') && !/-[%#}]\}\s+$/.test(text) ? '\n' : ''
  const fill: Template['fill'] = (names, functions = {}) => {
    const known = Object.entries(names)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]): [string, Value] => [name, toValue(value, name)])
    return new Filling(style).fill(body, [...Object.entries(functions), ...known]) + end
  }
  return { body, fill }
}
