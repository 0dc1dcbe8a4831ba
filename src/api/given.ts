// What the functions of the library are given, checked before anything is done: JavaScript has no compiler that would do it.
import { z } from 'zod'
import { unknown } from '../errors/index.js'
import { LOSS_KINDS, MOST_STEPS, RULES } from '../record/index.js'
import { checkValue } from '../schema/index.js'
import { BACKENDS } from '../tensor/index.js'

/** Options that several functions have. */
export const given = {
  /** A path, a name, or another text. */
  word: z.string().min(1),
  words: z.array(z.string()).optional(),
  flag: z.boolean().optional(),
  count: z.int().min(1).optional(),
  seed: z.int().min(0).optional(),
  /** Of bytes, or of gigabytes. */
  amount: z.number().positive().optional(),
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
  const schema = z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys' ? unknown('setting', keys[0]!, Object.keys(shape)).message : undefined,
  })
  return (options) => void checkValue(schema, options, where)
}
