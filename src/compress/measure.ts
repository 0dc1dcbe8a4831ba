// What choices make of tensors, without a file: bytes, what is lost, and the changes themselves.
import type { Pair } from '../checkpoint/index.js'
import {
  type Base,
  type ChangeTaker,
  codedUnit,
  type DeltaPlan,
  measureUnits,
  placedTensors,
  placeKey,
  type UnitSize,
} from '../delta/index.js'
import type { Triplets } from '../kernels/index.js'
import { freeArrays, type StreamOptions } from '../stream/index.js'
import type { ParsedChoice } from './choice.js'
import { editedTensors, splitMemory } from './memory.js'
import { codecPlan } from './plan.js'
import { factorBytes, openSources, type SourceWork, withSources } from './source.js'

/** A choice for a tensor of the pair. */
export interface TensorChoice {
  name: string
  choice: ParsedChoice
  /** A choice that takes all singular vectors that choices of this tensor share; null where this one takes none. */
  vectors: ParsedChoice | null
}

/** A pair as a delta file would hold it, lossless. */
export interface PlannedPair {
  pair: Pair
  base: Base
  plan: DeltaPlan
}

export interface MeasureChoicesOptions extends StreamOptions {
  /** Told how many bytes of tensors are done, and of which tensor the last ones are. */
  onBytes?: ((bytes: number, name: string | undefined) => void) | undefined
  /** Is given what each choice changes, part after part: what is written less post, float32, from an entry on. */
  take?: ChangeTaker | undefined
}

/**
 * What each choice takes and loses. Choices of one tensor that share singular vectors stand one behind the other.
 * @throws UserError for a bound of memory that is too small
 */
export async function measureChoices(
  planned: PlannedPair,
  wanted: readonly TensorChoice[],
  options: MeasureChoicesOptions,
): Promise<UnitSize[]> {
  const sizes: UnitSize[] = []
  // Where no singular vectors are sought, all of the memory is for threads.
  for (const hasVectors of [false, true]) {
    const numbers = [...wanted.keys()].filter((at) => (wanted[at]!.vectors !== null) === hasVectors)
    const found = await measureGroup(
      planned,
      numbers.map((at) => wanted[at]!),
      {
        ...options,
        take: options.take && ((k, from, change) => options.take!(numbers[k]!, from, change)),
      },
    )
    for (const [k, at] of numbers.entries()) sizes[at] = found[k]!
  }
  return sizes
}

async function measureGroup(
  { pair, base, plan }: PlannedPair,
  wanted: readonly TensorChoice[],
  { take, onBytes, ...options }: MeasureChoicesOptions,
): Promise<UnitSize[]> {
  if (!wanted.length) return []
  const placed = placedTensors(base)
  const stored = new Map(plan.units.map((unit) => [placeKey(unit.post), unit]))
  let sourceOf: (wanted: TensorChoice) => ReturnType<ReturnType<typeof openSources>>
  const units = wanted.map((each) => {
    const { name, choice } = each
    const unit = stored.get(placeKey(pair.post.place(name)!))!
    return codedUnit(
      unit,
      codecPlan(pair, name, choice, () => sourceOf(each)),
      placed,
    )
  })
  const tensors = editedTensors(units)
  const factors = wanted.flatMap(({ name, vectors }) =>
    vectors ? [{ name, bytes: factorBytes(pair.post.tensors.get(name)!, vectors) }] : [],
  )
  const { edits, pieces } = splitMemory(tensors, factors, options.memory)
  return withSources(pair, { ...options, memory: edits, tensors }, (work) => {
    const shared = shareTriplets(work)
    sourceOf = ({ name, choice, vectors }) => openSources(shared(vectors), { choice, names: [name] })(name)
    return measureUnits(units, base, { ...options, memory: pieces, ...(onBytes && { onBytes }) }, take)
  })
}

/** Keeps the triplets of the last tensor that they were sought for. */
function shareTriplets(work: SourceWork): (vectors: ParsedChoice | null) => SourceWork {
  let last: { name: string; found: Promise<readonly Triplets[]> } | undefined
  return (vectors) => ({
    ...work,
    triplets(name) {
      if (last?.name !== name) {
        last = undefined
        freeArrays()
        last = { name, found: work.triplets(name, vectors!) }
      }
      return last.found
    },
  })
}
