// The tensors of a pair whose deltas may be stored with loss, with their candidates; and the bytes of all that is stored anyway.
import { matricesOf, type Pair } from '../checkpoint/index.js'
import {
  type CodecChoice,
  describeLeft,
  factorRoom,
  measureChoices,
  type PlannedPair,
  placeKeys,
  type TensorChoice,
  whyLeft,
} from '../compress/index.js'
import { fixedBytes, measureUnits, placeKey, planDelta, type UnitSize } from '../delta/index.js'
import { amount, firstFew } from '../errors/index.js'
import { track } from '../progress/index.js'
import type { StreamOptions } from '../stream/index.js'
import { countEntries } from '../tensor/index.js'
import { type Candidate, DENSE, type FittingChoices, fittingChoices, LOSSLESS, parsedChoice } from './candidates.js'
import type { ChangeFile } from './changes.js'
import type { Priced, PricedTensors } from './damage.js'

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
  /** Why a tensor may not lose anything, and is stored losslessly; null where it may. */
  whyKept(name: string): string | null
  /** Bytes for the threads that make records, with the program. */
  memory: number
  /** Bytes for those that write the file: singular vectors are sought within them, then as now. */
  writes: number
  /** Where the changes of candidates are kept, if they are asked for. */
  changes: ChangeFile | null
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
  const { mayLose, left } = await findLosing(pair, rules)
  if (left.size) note(describeLeft(left))
  // Each may get a codec of its own.
  const sources = new Map(mayLose.flatMap((name) => placeKeys(pair, name).map((key) => [key, name] as const)))
  const plan = await planDelta(base, post, { sources })
  const total = plan.units.reduce((sum, { bytes }) => sum + bytes, 0)
  const options = { jobs, memory: rules.memory }
  const sizes = await track({ name: 'price without loss', unit: 'bytes', total }, ({ add }) =>
    measureUnits(plan.units, base, { ...options, onBytes: add }),
  )
  const planned = { pair, base, plan }
  const { losing, ...sums } = sortTensors(planned, sizes, {
    mayLose: new Set(mayLose),
    room: factorRoom(rules.writes),
  })
  tellCut(losing, rules.writes, note)
  const places = await addCandidates(planned, losing, { ...options, changes: rules.changes })
  const tensors = losing.filter(({ bad, candidates: [lossless] }) => {
    if (bad === null) return true
    note(`${bad}: it is stored lossless`)
    sums.exact += lossless!.bytes
    return false
  })
  const read: PricedTensors['read'] = (tensor, candidate, from, to) =>
    rules.changes!.read(places.get(tensors[tensor]!.candidates[candidate]!)!, from, to)
  return { ...sums, rest: sums.rest + fixedBytes(plan, name), tensors, read }
}

/** Names of the tensors that a codec with loss fits, and why others that moved stay lossless. */
async function findLosing(
  pair: Pair,
  { whyKept }: PriceRules,
): Promise<{ mayLose: string[]; left: Map<string, string> }> {
  const mayLose: string[] = []
  const left = new Map<string, string>()
  for (const name of pair.post.tensors.keys()) {
    if (pair.tied.has(name)) continue
    const why = await whyLeft(pair, name, parsedChoice(DENSE))
    const reason = why === null ? whyKept(name) : why
    if (reason === null) mayLose.push(name)
    else if (reason) left.set(name, reason)
  }
  return { mayLose, left }
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

/** Prices the choices that fit. @returns numbers of the changes of candidates */
async function addCandidates(
  planned: PlannedPair,
  losing: readonly LosingTensor[],
  { changes, ...options }: StreamOptions & Pick<PriceRules, 'changes'>,
): Promise<Map<Candidate, number>> {
  const wanted = losing.flatMap((tensor) => tensor.fitting.choices.map((choice) => ({ tensor, choice })))
  changes?.reserve(wanted.map(({ tensor }) => countEntries(tensor.shape)))
  const total = wanted.reduce((sum, { tensor }) => sum + tensor.stored, 0)
  const found = await track({ name: 'price the codecs', unit: 'bytes', total }, ({ add }) =>
    measureChoices(
      planned,
      wanted.map(({ tensor, choice }) => wantedOf(tensor, choice)),
      { ...options, onBytes: add, take: changes?.write },
    ),
  )
  const places = new Map<Candidate, number>()
  for (const [at, { tensor, choice }] of wanted.entries()) {
    const { bytes, lost: error, fault } = found[at]!
    // Numbers of one choice alone may be too large for its format.
    if (fault && fault.fault !== 'range') tensor.bad ??= fault.reason
    if (fault !== null || bytes >= tensor.candidates[0]!.bytes) continue
    const candidate = { choice, bytes, error }
    tensor.candidates.push(candidate)
    places.set(candidate, at)
  }
  return places
}

const wantedOf = ({ name, fitting: { vectors } }: LosingTensor, choice: CodecChoice): TensorChoice => {
  const parsed = parsedChoice(choice)
  return { name, choice: parsed, vectors: parsed.codec?.ofMatrices ? vectors : null }
}

function tellCut(losing: readonly LosingTensor[], writes: number, note: (text: string) => void): void {
  const cut = losing.filter(({ fitting }) => fitting.needed)
  if (!cut.length) return
  const needed = Math.max(...cut.map(({ fitting }) => fitting.needed)) - factorRoom(writes)
  const names = firstFew(
    cut.map(({ name }) => name),
    3,
  )
  note(
    `${names}: the bound on memory is too small for all singular vectors: choices of fewer are left; ${amount(needed)} more would do`,
  )
}
