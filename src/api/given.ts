// What the functions of the library are given, checked before anything is done: JavaScript has no compiler that would do it.
import { z } from 'zod'
import { unknown } from '../errors/index.js'
import { LOSS_KINDS, MOST_STEPS, RULES } from '../record/index.js'
import { checkValue } from '../schema/index.js'
import { BACKENDS } from '../tensor/index.js'

/** A path, a name, or another text. */
export const word = z.string().min(1)
export const words = z.array(z.string()).optional()
export const flag = z.boolean().optional()
export const count = z.int().min(1).optional()
export const seed = z.int().min(0).optional()
/** An amount of bytes, or of gigabytes. */
export const amount = z.number().positive().optional()
export const backend = z.enum(BACKENDS).optional()
export const lossKind = z.enum(LOSS_KINDS).optional()
/** Of a path: more intervals are no better sum. */
export const pathSteps = z.int().min(1).max(MOST_STEPS).optional()
export const rule = z.enum(RULES).optional()
export const plugins = z.array(z.unknown()).optional()
export const callback = z.custom<unknown>((value) => typeof value === 'function', 'must be a function').optional()
/** Required, and checked where it is read. */
export const anything = z.custom<unknown>((value) => value !== undefined, 'is required')

/** A check of the options of a function: it must know every one of them. */
export function checkerOf<T extends object>(
  where: string,
  shape: { [K in keyof Required<T>]: z.ZodType },
): (given: T) => void {
  const schema = z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys' ? unknown('setting', keys[0]!, Object.keys(shape)).message : undefined,
  })
  return (given) => void checkValue(schema, given, where)
}
