// The tensors of a pair whose deltas may be stored with loss, with their candidates; and the bytes of all that is stored anyway.
import { BadWeights, matricesOf, type Pair } from '../checkpoint/index.js'
import { whyLeft } from '../compress/index.js'
import { type Base, fixedBytes, placeKey, planDelta, unitBytes } from '../delta/index.js'
import { track } from '../progress/index.js'
import { MEMORY_BOUND, PROGRAM_BYTES, type StreamOptions, tooSmall } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { candidatesOf, DENSE, type PricedTensor, parsedChoice } from './candidates.js'
import type { Priced } from './damage.js'

/** A model to store. */
export interface StoredModel {
  pair: Pair
  base: Base
  /** Its folder. */
  post: string
  /** How the file calls the base. */
  name: string
}

export interface PricedModel {
  tensors: Priced[]
  /** Entries of all tensors that have a base. */
  parameters: number
  /** Bytes of the tensors with a base that are no candidates: they are stored losslessly. */
  exact: number
  /** Bytes of the file besides the data of tensors with a base, at most. */
  rest: number
}

/** Candidates of a tensor, about. */
const MOST = 34

/** Bytes of weights, deltas and a gradient for each entry of a model whose loss is measured. */
const LOADED = 20

/**
 * Bytes that may be kept besides what has to be in memory: the model, where a loss is measured, and the candidates of a tensor.
 * @throws UserError for a bound that is too small for that, with the least that would do
 */
export function roomForChanges({ post, names }: Pair, hasLoss: boolean, memory = MEMORY_BOUND): number {
  const sizeOf = (name: string): number => countEntries(post.tensors.get(name)!.shape)
  const model = hasLoss ? [...post.tensors.keys()].reduce((sum, name) => sum + sizeOf(name), 0) : 0
  const largest = names.reduce((most, name) => Math.max(most, sizeOf(name)), 0)
  const needed = PROGRAM_BYTES + LOADED * model + 4 * (hasLoss ? 2 * MOST : 8) * largest
  const why = hasLoss ? ': the model is held while codecs are chosen by its loss' : ': a whole tensor is held at a time'
  if (needed > memory) throw tooSmall(memory, needed, why)
  return memory - needed
}

/**
 * @param wanted whether a tensor may lose anything; the others are stored losslessly
 * @param keptBytes of changes of candidates; others are made again where they are asked for
 */
export async function priceTensors(
  { pair, base, post, name: called }: StoredModel,
  { wanted, keptBytes }: { wanted: (name: string) => boolean; keptBytes: number },
  { note = () => undefined, ...options }: StreamOptions & { note?: ((text: string) => void) | undefined },
): Promise<PricedModel> {
  const plan = await planDelta(base, post)
  const sizes = await unitBytes(plan, base, options)
  const places = new Map(plan.units.map((unit, i) => [placeKey(unit.post), i]))
  const parameters = pair.names.reduce((sum, name) => sum + countEntries(pair.post.tensors.get(name)!.shape), 0)
  const all = sizes.reduce((sum, bytes) => sum + bytes, 0)
  const found: PricedModel = { tensors: [], parameters, exact: 0, rest: fixedBytes(plan, called) + all }
  const keep = 4 * MOST * parameters <= keptBytes
  await track({ name: 'price the codecs', unit: 'parameters', total: parameters }, async ({ add }) => {
    for (const name of pair.names) {
      const { shape, dtype } = pair.post.tensors.get(name)!
      const place = pair.post.place(name)
      const bytes = (place && sizes[places.get(placeKey(place)) ?? -1]) ?? 0
      found.rest -= bytes
      if (bytes && wanted(name) && (await whyLeft(pair, name, parsedChoice(DENSE))) === null) {
        const tensor = { name, shape, dtype, matrices: matricesOf({ name, shape }) }
        const values = await readBoth(pair, name, note)
        const candidates = values && (await candidatesOf({ ...tensor, ...values }, bytes, keep))
        if (candidates) found.tensors.push({ name, shape, candidates })
        else found.exact += bytes
      } else found.exact += bytes
      add(countEntries(shape), name)
    }
  })
  return found
}

/** The weights of a tensor; null where they are not all finite, which is noted. */
async function readBoth(
  { base, post }: Pair,
  name: string,
  note: (text: string) => void,
): Promise<Pick<PricedTensor, 'base' | 'post'> | null> {
  try {
    return { base: await base.read(name), post: await post.read(name) }
  } catch (error) {
    if (!(error instanceof BadWeights)) throw error
    note(`${error.message}: it is stored lossless`)
    return null
  }
}
