// What the functions of the library are given, checked before anything is done: JavaScript has no compiler that would do it.
import { z } from 'zod'
import { UserError, unknown } from '../errors/index.js'
import { LOSS_KINDS, MOST_STEPS, RULES } from '../record/index.js'
import { checkValue, isObject, showValue } from '../schema/index.js'
import { BACKENDS } from '../tensor/index.js'

/** Infinity says that there is no limit. */
const limit = (schema: z.ZodNumber) =>
  z.preprocess((value) => (value === Infinity ? undefined : value), schema.optional())

/** Options that several functions have. */
export const given = {
  /** A path, a name, or another text. */
  word: z.string().min(1),
  words: z.array(z.string()).optional(),
  flag: z.boolean().optional(),
  count: z.int().min(1).optional(),
  items: limit(z.int().min(1)),
  seed: z.int().min(0).optional(),
  /** Of bytes, or of gigabytes. */
  amount: limit(z.number().positive()),
  backend: z.enum(BACKENDS).optional(),
  lossKind: z.enum(LOSS_KINDS).optional(),
  rule: z.enum(RULES).optional(),
  pathSteps: z.int().min(1).max(MOST_STEPS).optional(),
  plugins: z.array(z.unknown()).optional(),
  callback: z.custom<unknown>((value) => typeof value === 'function', 'must be a function').optional(),
  /** Required, and checked where it is read. */
  anything: z.custom<unknown>((value) => value !== undefined, 'is required'),
}

/** A check of the options of a function: it must know every one of them. */
export function checkerOf<T extends object>(
  where: string,
  shape: { [K in keyof Required<T>]: z.ZodType },
): (options: T) => void {
  const schema = z.object(shape)
  return (options) => {
    if (!isObject(options)) throw new UserError(`${where}: the options must be an object; got ${showValue(options)}`)
    const other = Object.keys(options).find((key) => !Object.hasOwn(shape, key))
    if (other !== undefined) throw new UserError(`${where}: ${unknown('setting', other, Object.keys(shape)).message}`)
    checkValue(schema, options, where)
  }
}
