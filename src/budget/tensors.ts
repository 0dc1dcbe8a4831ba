// The tensors of a pair whose deltas may be stored with loss, with their candidates; and the bytes of all that is stored anyway.
import { matricesOf, type Pair } from '../checkpoint/index.js'
import { whyLeft } from '../compress/index.js'
import { type Base, fixedBytes, placeKey, planDelta, unitBytes } from '../delta/index.js'
import { readInput } from '../edit/index.js'
import { track } from '../progress/index.js'
import type { StreamOptions } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { candidatesOf, DENSE, parsedChoice } from './candidates.js'
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

/** Bytes of changes that are kept between passes. */
const KEPT = 1e9
/** Candidates of a tensor, about. */
const MOST = 24

/**
 * @param wanted whether a tensor may lose anything; the others are stored losslessly
 * @param name how the file calls the base
 */
export async function priceTensors(
  { pair, base, post, name: called }: StoredModel,
  wanted: (name: string) => boolean,
  options: StreamOptions,
): Promise<PricedModel> {
  const plan = await planDelta(base, post)
  const sizes = await unitBytes(plan, base, options)
  const places = new Map(plan.units.map((unit, i) => [placeKey(unit.post), i]))
  const parameters = pair.names.reduce((sum, name) => sum + countEntries(pair.post.tensors.get(name)!.shape), 0)
  const all = sizes.reduce((sum, bytes) => sum + bytes, 0)
  const found: PricedModel = { tensors: [], parameters, exact: 0, rest: fixedBytes(plan, called) + all }
  const keep = 4 * MOST * parameters <= KEPT
  await track({ name: 'price the codecs', unit: 'parameters', total: parameters }, async ({ add }) => {
    for (const name of pair.names) {
      const { shape, dtype } = pair.post.tensors.get(name)!
      const place = pair.post.place(name)
      const bytes = (place && sizes[places.get(placeKey(place)) ?? -1]) ?? 0
      found.rest -= bytes
      if (bytes && wanted(name) && (await whyLeft(pair, name, parsedChoice(DENSE))) === null) {
        const tensor = { name, shape, dtype, matrices: matricesOf({ name, shape }) }
        const delta = await readInput(pair, name, 'delta')
        found.tensors.push({ name, shape, candidates: await candidatesOf({ ...tensor, delta }, bytes, keep) })
      } else found.exact += bytes
      add(countEntries(shape), name)
    }
  })
  return found
}
