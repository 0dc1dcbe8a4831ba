// What an editor or a merger returned, which may be a plugin's.

import { UserError } from '../errors/index.js'
import { tf } from './tf.js'

/** @throws UserError for anything but a tensor of this shape; `where` says whose result it is */
export function checkResult(result: unknown, shape: readonly number[], where: string): void {
  const isTensor = result instanceof tf.Tensor
  if (isTensor && String(result.shape) === String(shape)) return
  const got = isTensor ? `one of shape [${result.shape.join(', ')}]` : String(result)
  throw new UserError(`${where} must return a tensor of shape [${shape.join(', ')}]; got ${got}`)
}
