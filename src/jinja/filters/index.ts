// Filters of Jinja2 3.1, and what transformers and lm-evaluation-harness add, by name.

import type { Value } from '../values.js'
import type { Call, Filter, TemplateStyle } from './call.js'
import { LIST_FILTERS } from './lists.js'
import { NUMBER_FILTERS } from './numbers.js'
import { regexReplace, TEXT_FILTERS } from './text.js'

export type { TemplateStyle } from './call.js'

const ALIASES: Record<string, string> = { count: 'length', d: 'default', e: 'escape' }
const OF_CARDS: Record<string, Filter> = { regex_replace: regexReplace }

const FILTERS: Record<string, Filter> = { ...TEXT_FILTERS, ...NUMBER_FILTERS, ...LIST_FILTERS }

/** The value as a filter leaves it. @throws Error for a filter that is not known here, and what it throws */
export function applyFilter(name: string, value: Value, call: Omit<Call, 'find'>): Value {
  const find = (other: string) => filterNamed(other, call.style)
  return find(name)(value, { ...call, find })
}

function filterNamed(name: string, style: TemplateStyle): Filter {
  const own = ALIASES[name] ?? name
  const found = Object.hasOwn(FILTERS, own)
    ? FILTERS[own]
    : style === 'card' && Object.hasOwn(OF_CARDS, own)
      ? OF_CARDS[own]
      : undefined
  if (!found) throw new Error(`the filter ${name} is not supported`)
  return found
}
