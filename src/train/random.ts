// A random model of any size, for tests of speed, memory and streaming. One tensor is in memory at a time.

import { resolve } from 'node:path'
import {
  companionsOf,
  openModel,
  type TensorContent,
  type WritableDtype,
  writeCheckpoint,
} from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { checkTarget } from '../files/index.js'
import { resolveCompanions } from '../hub/index.js'
import { loadModel, modelOf } from '../models/index.js'
import { countEntries } from '../tensor/index.js'
import { drawWeights } from './layout.js'

export interface RandomOptions {
  /** As config.json has it. */
  config: Record<string, unknown>
  /** Its text, whose spelling is kept. */
  configText?: string
  seed: number
  dtype: WritableDtype
  /** Model whose tokenizer is copied: folder, or name on the hub. */
  tokenizer?: string | undefined
  /** A model to start from: the result is its weights + `amount` × fresh weights. */
  near?: string | undefined
  amount: number
  overwrite?: boolean
  onTensor?: (name: string) => void
}

/**
 * Writes fresh weights (those that training starts from), or weights near another model's. Returns the number of parameters.
 * @throws UserError for a config that no architecture understands, or that the model `near` does not fit
 */
export async function writeRandom(
  out: string,
  { config, configText, seed, dtype, tokenizer, near, amount, overwrite, onTensor }: RandomOptions,
): Promise<number> {
  const origin = near === undefined ? null : await openModel(near)
  try {
    const { shapes, width } = origin ? modelOf({ config, tensors: origin.tensors }, near!) : loadModel(config)
    if (!(amount > 0)) throw new UserError(`amount must be above 0, got ${amount}`)
    async function* contents(): AsyncGenerator<TensorContent> {
      for (const [name, shape] of Object.entries(shapes)) {
        const values = await drawWeights([{ name, shape, begin: 0, end: countEntries(shape) }], seed, width)
        const before = await origin?.read(name)
        if (before)
          for (let i = 0; i < values.length; i++) values[i] = before[i]! + (shape.length > 1 ? amount * values[i]! : 0)
        onTensor?.(name)
        yield { name, values }
      }
    }
    if (near !== undefined) await checkTarget(out, resolve(out), overwrite ?? false, [near])
    await writeCheckpoint(out, {
      plan: Object.entries(shapes).map(([name, shape]) => ({ name, shape, dtype })),
      tensors: contents(),
      config,
      configText,
      tokenizerFrom:
        tokenizer === undefined ? (origin ? companionsOf(origin) : undefined) : await resolveCompanions(tokenizer),
      overwrite,
    })
    return Object.values(shapes).reduce((sum, shape) => sum + countEntries(shape), 0)
  } finally {
    await origin?.close()
  }
}
