// What a filter is called with.
import type { Value } from '../values.js'

/** How a template is read: as a chat template of transformers, or as a card of lm-evaluation-harness. */
export type TemplateStyle = 'chat' | 'card'

export interface Call {
  args: Value[]
  named: Map<string, Value>
  style: TemplateStyle
  /** Another filter, by its name. @throws Error for one that is not known here */
  find(name: string): Filter
}

export type Filter = (value: Value, call: Call) => Value

export const wholeOr = (value: Value | undefined, otherwise: number): number =>
  value === undefined || value === null ? otherwise : Number(value)

/** An argument by its place or its name; undefined where none is given, which None is not. */
export const argument = ({ args, named }: Call, place: number, name: string): Value | undefined =>
  place < args.length ? args[place] : named.get(name)

/** An argument, or what it is where none is given. */
export function argumentOr(call: Call, place: number, name: string, otherwise: Value): Value {
  const value = argument(call, place, name)
  return value === undefined ? otherwise : value
}
