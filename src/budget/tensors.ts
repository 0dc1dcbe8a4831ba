// The tensors of a pair whose deltas may be stored with loss, with their candidates; and the bytes of all that is stored anyway.
import { BadWeights, matricesOf, type Pair } from '../checkpoint/index.js'
import type { CodedTensor } from '../codecs/index.js'
import { whyLeft } from '../compress/index.js'
import { type Base, fixedBytes, placeKey, planDelta, unitBytes } from '../delta/index.js'
import { firstFew } from '../errors/index.js'
import { track } from '../progress/index.js'
import {
  leastMemory,
  leastPieces,
  leastStream,
  MEMORY_BOUND,
  PROGRAM_BYTES,
  type StreamOptions,
  tooSmall,
} from '../stream/index.js'
import { countEntries, libraryBytes } from '../tensor/index.js'
import {
  candidatesOf,
  DENSE,
  type FittingChoices,
  fittingChoices,
  GARBAGE,
  LOSSLESS,
  type LoadedWeights,
  openChanges,
  parsedChoice,
} from './candidates.js'
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
/** Bytes for an entry of a tensor while it is priced: its weights, deltas, and what an edit makes in TensorFlow.js. */
const PRICED = 50
/** Bytes for each entry of a model whose loss is measured: weights, deltas, changes, moved weights and a gradient. */
const LOADED = 24

/** Bytes besides what has to be in memory. */
export interface ChangeRoom {
  /** For changes of candidates that stay; others are made again where they are asked for. */
  kept: number
  /** For changes along which the curvature is measured at a time. */
  held: number
  /** For the singular vectors of a tensor while they are sought. */
  vectors: number
  /** For the threads that find the sizes without loss. */
  threads: number
}

/**
 * In memory are the model, where a loss is measured, and a tensor with what an edit makes of it, or with its candidates.
 * @throws UserError for a bound that is too small for that, with the least that would do
 */
export function roomForChanges({ post, names }: Pair, hasLoss: boolean, memory = MEMORY_BOUND): ChangeRoom {
  const sizeOf = (name: string): number => countEntries(post.tensors.get(name)!.shape)
  const model = hasLoss ? [...post.tensors.keys()].reduce((sum, name) => sum + sizeOf(name), 0) : 0
  const largest = names.reduce((most, name) => Math.max(most, sizeOf(name)), 0)
  const stacked = 4 * MOST * largest
  const each = leastMemory([{ bytes: GARBAGE + PRICED * largest + (hasLoss ? 2 * stacked : 0) }])
  const shapes = names.map((name) => ({ shape: post.tensors.get(name)!.shape, models: 1, computed: 0 }))
  const written = leastStream(shapes) + leastPieces(true) - PROGRAM_BYTES
  const library = hasLoss ? libraryBytes() : 0
  const needed = library + Math.max(written, LOADED * model + Math.max(each, leastPieces(false)))
  const why = hasLoss ? ': the model is held while codecs are chosen by its loss' : ': a whole tensor is held at a time'
  if (needed > memory) throw tooSmall(memory, needed, why)
  const spare = memory - needed
  const threads = memory - library - LOADED * model
  if (!hasLoss) return { kept: 0, held: 0, vectors: spare, threads }
  // What is held is there twice for a moment.
  return { kept: spare / 2, held: stacked + spare / 8, vectors: spare / 4, threads }
}

/**
 * @param wanted whether a tensor may lose anything; the others are stored losslessly
 */
export async function priceTensors(
  { pair, base, post, name: called }: StoredModel,
  { wanted, room }: { wanted: (name: string) => boolean; room: ChangeRoom },
  { note = () => undefined, ...options }: StreamOptions & { note?: ((text: string) => void) | undefined },
): Promise<PricedModel> {
  const plan = await planDelta(base, post)
  const sizes = await unitBytes(plan, base, { ...options, memory: room.threads })
  const places = new Map(plan.units.map((unit, i) => [placeKey(unit.post), i]))
  const parameters = pair.names.reduce((sum, name) => sum + countEntries(pair.post.tensors.get(name)!.shape), 0)
  const all = sizes.reduce((sum, bytes) => sum + bytes, 0)
  const found: PricedModel = { tensors: [], parameters, exact: 0, rest: fixedBytes(plan, called) + all }
  const keep = 4 * MOST * parameters <= room.kept
  const cut: string[] = []
  await track({ name: 'price the codecs', unit: 'parameters', total: parameters }, async ({ add }) => {
    for (const name of pair.names) {
      const { shape, dtype } = pair.post.tensors.get(name)!
      const place = pair.post.place(name)
      const bytes = (place && sizes[places.get(placeKey(place)) ?? -1]) ?? 0
      found.rest -= bytes
      const mayLose = bytes && wanted(name) && (await whyLeft(pair, name, parsedChoice(DENSE))) === null
      const tensor = { name, shape, dtype, matrices: matricesOf({ name, shape }) }
      const fitting = fittingChoices(tensor, room.vectors)
      const priced = mayLose ? await priceTensor(pair, tensor, { fitting, bytes, keep, note }) : null
      if (priced) found.tensors.push(priced)
      else found.exact += bytes
      if (priced && fitting.isCut) cut.push(name)
      add(countEntries(shape), name)
    }
  })
  if (cut.length) note(`${firstFew(cut, 3)}: --memory is too small for all singular vectors: choices of fewer are left`)
  return found
}

interface Pricing {
  fitting: FittingChoices
  /** Without loss. */
  bytes: number
  /** Whether changes stay in memory. */
  keep: boolean
  note: (text: string) => void
}

/** Null where weights are not all finite. */
async function priceTensor(
  pair: Pair,
  tensor: CodedTensor & { name: string },
  { fitting, bytes, keep, note }: Pricing,
): Promise<Priced | null> {
  const values = await readBoth(pair, tensor.name, note)
  if (!values) return null
  const size = countEntries(tensor.shape)
  const kept: Float32Array[] | null = keep ? [new Float32Array(size)] : null
  const candidates = await candidatesOf(
    { ...tensor, ...values },
    fitting,
    bytes,
    kept && ((own) => void kept.push(own)),
  )
  return {
    ...tensor,
    candidates,
    openChanges: kept ? async () => async (c) => kept[c]! : reopened(pair, tensor, { candidates, fitting }),
  }
}

/** Changes that are made again, from weights that are read again. */
const reopened =
  (
    pair: Pair,
    tensor: CodedTensor & { name: string },
    { candidates, fitting }: Pick<Priced, 'candidates'> & { fitting: FittingChoices },
  ): Priced['openChanges'] =>
  async () => {
    const [base, post] = [await pair.base.read(tensor.name), await pair.post.read(tensor.name)]
    const { delta, toChange } = openChanges({ ...tensor, base, post }, fitting.vectors)
    return async (c) => {
      const { choice } = candidates[c]!
      return choice === LOSSLESS ? new Float32Array(post.length) : toChange(await delta(parsedChoice(choice)))
    }
  }

/** The weights of a tensor; null where they are not all finite, which is noted. */
async function readBoth(
  { base, post }: Pair,
  name: string,
  note: (text: string) => void,
): Promise<Pick<LoadedWeights, 'base' | 'post'> | null> {
  try {
    return { base: await base.read(name), post: await post.read(name) }
  } catch (error) {
    if (!(error instanceof BadWeights)) throw error
    note(`${error.message}: it is stored lossless`)
    return null
  }
}
