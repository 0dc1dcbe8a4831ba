// Arguments of methods, as Python's own methods take them.
import { kindOf, type Value } from './values.js'

/** @throws Error for what is no integer */
export function integer(value: Value | undefined, otherwise: number): number {
  if (value === undefined || value === null) return otherwise
  if (typeof value !== 'bigint') throw new Error(`an integer is wanted, not ${kindOf(value)}`)
  return Number(value)
}

/** @throws Error for what is no text */
export function textArgument(value: Value | undefined): string {
  if (typeof value !== 'string')
    throw new Error(`a text is wanted, not ${value === undefined ? 'nothing' : kindOf(value)}`)
  return value
}

/** The letters that a text is stripped of; undefined for spaces. */
export const lettersOf = (value: Value | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined
