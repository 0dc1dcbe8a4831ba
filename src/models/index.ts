// Architectures by the words that config.json uses, and the model of a checkpoint.
import { UserError } from '../errors/index.js'
import { fileOf } from '../schema/index.js'
import { makeModel } from './class.js'
import type { Config } from './config.js'
import type { Model } from './model.js'

export { doAgain } from './again.js'
export { architectures } from './architectures.js'
export * from './batch.js'
export * from './cache.js'
export * from './chain.js'
export { checkClass, findArchitecture } from './class.js'
export * from './finite.js'
export { hiddenStates } from './hidden.js'
export * from './inputs.js'
export { meanStates, realTable } from './mean.js'
export * from './model.js'
export { spellingIn } from './names.js'
export * from './objective.js'
export { takesLite } from './parameter-lite.js'
export {
  COMPARED_LOGITS,
  type Load,
  leastPass,
  type PassKind,
  planHeld,
  planStretches,
  tapeBytes,
  unitsOf,
} from './plan.js'
export * from './sequence.js'
export * from './source.js'
export { watched } from './watch.js'

/**
 * The model that a config.json describes.
 * @param shapes shapes found in the checkpoint; every tensor the model needs must be there with the right shape. Tensors
 *   that it does not need (mask buffers, a stored copy of a tied head) are left alone.
 * @throws UserError for an unknown architecture, or naming missing and misshapen tensors and those of further layers.
 */
export function loadModel(config: Config, shapes?: Record<string, readonly number[]>): Model {
  try {
    return makeModel(config, shapes)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(error.message.replace('config.json', fileOf(config, 'config.json')), { cause: error })
  }
}

/**
 * The model of a checkpoint. The shapes of its tensors are checked as in `loadModel`.
 * @param reference what the user called the checkpoint
 * @throws UserError without config.json, and what `loadModel` throws
 */
export function modelOf(
  {
    config,
    configFault,
    tensors,
    tied,
  }: {
    config: Config | null
    /** Why there is none. */
    configFault?: string | undefined
    tensors: ReadonlyMap<string, { shape: readonly number[] }>
    /** Stored copies of other tensors. */
    tied?: ReadonlyMap<string, string>
  },
  reference: string,
): Model {
  if (!config) throw new UserError(configFault ?? `${reference}: config.json is missing`)
  const own = [...tensors].filter(([name]) => !tied?.has(name))
  return loadModel(config, Object.fromEntries(own.map(([name, { shape }]) => [name, shape])))
}
