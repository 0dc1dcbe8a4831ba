// The tensors of a pair whose deltas may be stored with loss, with their candidates; and the bytes of all that is stored anyway.
import { matricesOf, type Pair } from '../checkpoint/index.js'
import {
  type CodecChoice,
  factorRoom,
  measureChoices,
  type PlannedPair,
  placeKeys,
  type TensorChoice,
  whyLeft,
} from '../compress/index.js'
import { type ChangeTaker, fixedBytes, measureUnits, placeKey, planDelta, type UnitSize } from '../delta/index.js'
import { amount, firstFew } from '../errors/index.js'
import { track } from '../progress/index.js'
import type { StreamOptions } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { type Candidate, DENSE, type FittingChoices, fittingChoices, LOSSLESS, parsedChoice } from './candidates.js'
import type { Priced, PricedTensors } from './damage.js'
import type { BudgetMemory } from './memory.js'

/** A model to store. */
export interface StoredModel extends Omit<PlannedPair, 'plan'> {
  /** Its folder. */
  post: string
  /** How the file calls the base. */
  name: string
}

export interface PricedModel extends PricedTensors {
  /** Entries of all tensors that have a base. */
  parameters: number
  /** Bytes of the tensors with a base that are no candidates: they are stored losslessly. */
  exact: number
  /** Bytes of the file besides the data of tensors with a base, at most. */
  rest: number
}

/** How tensors are priced. */
export interface PriceRules {
  /** Whether a tensor may lose anything; the others are stored losslessly. */
  wanted(name: string): boolean
  memory: BudgetMemory
}

/** A tensor that may lose; the first candidate is stored without loss. */
interface LosingTensor extends Priced {
  candidates: Candidate[]
  /** Why no codec stores it with loss: NaN or infinity. */
  bad: string | null
  /** Bytes of its weights. */
  stored: number
  fitting: FittingChoices
}

/** The tensors that may lose, with their candidates. */
export async function priceTensors(
  { pair, base, post, name }: StoredModel,
  rules: PriceRules,
  { note = () => undefined, jobs }: StreamOptions & { note?: ((text: string) => void) | undefined },
): Promise<PricedModel> {
  const mayLose = await findLosing(pair, rules)
  // Each may get a codec of its own.
  const sources = new Map(mayLose.flatMap((name) => placeKeys(pair, name).map((key) => [key, name] as const)))
  const plan = await planDelta(base, post, { sources })
  const total = plan.units.reduce((sum, { bytes }) => sum + bytes, 0)
  const options = { jobs, memory: rules.memory.threads }
  const sizes = await track({ name: 'price without loss', unit: 'bytes', total }, ({ add }) =>
    measureUnits(plan.units, base, { ...options, onBytes: add }),
  )
  const planned = { pair, base, plan }
  const { losing, ...sums } = sortTensors(planned, sizes, {
    mayLose: new Set(mayLose),
    room: factorRoom(rules.memory.threads),
  })
  tellCut(losing, rules.memory, note)
  const changes = await addCandidates(planned, losing, { ...options, keeps: rules.memory.keeps })
  const tensors = losing.filter(({ bad, candidates: [lossless] }) => {
    if (bad === null) return true
    note(`${bad}: it is stored lossless`)
    sums.exact += lossless!.bytes
    return false
  })
  const fill: PricedTensors['fill'] = async (asked) => {
    const made = asked.filter(({ tensor, candidate, to }) => {
      const change = changes.get(tensors[tensor]!.candidates[candidate]!)
      if (change) to.set(change)
      return !change && candidate > 0
    })
    const choices = made.map(({ tensor, candidate }) => {
      const of = tensors[tensor]!
      return wantedOf(of, of.candidates[candidate]!.choice)
    })
    await measureChoices(planned, choices, { ...options, take: fillArrays((at) => made[at]!.to) })
  }
  return { ...sums, rest: sums.rest + fixedBytes(plan, name), tensors, fill }
}

/** Names of the tensors that a codec with loss fits. */
async function findLosing(pair: Pair, { wanted }: PriceRules): Promise<string[]> {
  const names: string[] = []
  for (const name of pair.names)
    if (wanted(name) && (await whyLeft(pair, name, parsedChoice(DENSE))) === null) names.push(name)
  return names
}

/** What is stored of the tensors of a pair without loss: of those that may lose, and of the others. */
function sortTensors(
  { pair, plan }: PlannedPair,
  sizes: readonly UnitSize[],
  { mayLose, room }: { mayLose: ReadonlySet<string>; room: number },
): { losing: LosingTensor[] } & Pick<PricedModel, 'parameters' | 'exact' | 'rest'> {
  const numbers = new Map(plan.units.map((unit, i) => [placeKey(unit.post), i]))
  const losing: LosingTensor[] = []
  let [parameters, exact, rest] = [0, 0, sizes.reduce((sum, { bytes }) => sum + bytes, 0)]
  for (const name of pair.names) {
    const { shape, dtype } = pair.post.tensors.get(name)!
    parameters += countEntries(shape)
    const place = pair.post.place(name)
    const i = place ? numbers.get(placeKey(place)) : undefined
    if (i === undefined) continue
    const { bytes } = sizes[i]!
    rest -= bytes
    if (!bytes || !mayLose.has(name)) exact += bytes
    else {
      const tensor = { name, shape, dtype, matrices: matricesOf({ name, shape }) }
      const fitting = fittingChoices(tensor, room)
      const candidates = [{ choice: LOSSLESS, bytes, error: 0 }]
      losing.push({ name, shape, candidates, bad: null, stored: plan.units[i]!.bytes, fitting })
    }
  }
  return { losing, parameters, exact, rest }
}

/** Prices the choices that fit. @returns changes that stay in memory */
async function addCandidates(
  planned: PlannedPair,
  losing: readonly LosingTensor[],
  { keeps, ...options }: StreamOptions & { keeps: boolean },
): Promise<Map<Candidate, Float32Array>> {
  const wanted = losing.flatMap((tensor) => tensor.fitting.choices.map((choice) => ({ tensor, choice })))
  const kept = wanted.map(({ tensor }) => new Float32Array(keeps ? countEntries(tensor.shape) : 0))
  const take = keeps ? fillArrays((at) => kept[at]!) : undefined
  const total = wanted.reduce((sum, { tensor }) => sum + tensor.stored, 0)
  const found = await track({ name: 'price the codecs', unit: 'bytes', total }, ({ add }) =>
    measureChoices(
      planned,
      wanted.map(({ tensor, choice }) => wantedOf(tensor, choice)),
      { ...options, onBytes: add, take },
    ),
  )
  const changes = new Map<Candidate, Float32Array>()
  for (const [at, { tensor, choice }] of wanted.entries()) {
    const { bytes, lost: error, fault } = found[at]!
    // Numbers of one choice alone may be too large for its format.
    if (fault && fault.fault !== 'range') tensor.bad ??= fault.reason
    if (fault !== null || bytes >= tensor.candidates[0]!.bytes) continue
    const candidate = { choice, bytes, error }
    tensor.candidates.push(candidate)
    if (keeps) changes.set(candidate, kept[at]!)
  }
  return changes
}

const wantedOf = ({ name, fitting: { vectors } }: LosingTensor, choice: CodecChoice): TensorChoice => {
  const parsed = parsedChoice(choice)
  return { name, choice: parsed, vectors: parsed.codec?.ofMatrices ? vectors : null }
}

const fillArrays =
  (arrayOf: (at: number) => Float32Array): ChangeTaker =>
  (at, from, change) =>
    arrayOf(at).set(change, from)

function tellCut(losing: readonly LosingTensor[], { threads }: BudgetMemory, note: (text: string) => void): void {
  const cut = losing.filter(({ fitting }) => fitting.needed)
  if (!cut.length) return
  const needed = Math.max(...cut.map(({ fitting }) => fitting.needed)) - factorRoom(threads)
  const names = firstFew(
    cut.map(({ name }) => name),
    3,
  )
  note(
    `${names}: --memory is too small for all singular vectors: choices of fewer are left; ${amount(needed)} more would do`,
  )
}
