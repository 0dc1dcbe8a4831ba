// How long a run on kernels will take: the programs are tried on a few random weights, and the rest follows from the bytes.
import { availableParallelism } from 'node:os'
import { columnsOf, countEntries, makeMachine, type StoredFormat } from '../kernels/index.js'
import { type Lane, largestFirst, openChoices, runTensor, type StreamEngine, stayingBytes } from '../stream/index.js'
import type { Checkpoint, TensorAt } from './checkpoint.js'
import { encode, type WritableDtype } from './dtype.js'
import { type PlannedTensor, tensorBytes } from './layout.js'
import type { StreamedWork, TensorWork } from './streamed.js'

/** Entries of a trial, about. */
const TRIAL = 1 << 20
/** Seconds of all trials of one kind of tensor. */
const PATIENCE = 0.1
/** Seconds for threads to start and for what is written besides the weights. */
const START = 0.1
/** Seconds that the system takes to read or write a byte of a file in its cache. */
const PER_BYTE = 0.35e-9

/** Seconds since some moment. */
export type Clock = () => number

/** What is known of a run before it begins. */
export interface ForecastRun {
  plan: readonly PlannedTensor[]
  /** The work on a tensor of the plan as if it had this shape; null where it has no program. */
  workOf(tensor: number, shape: readonly number[]): StreamedWork<unknown> | null
  /** Tensors of one kind go through the same stages. */
  kindOf(tensor: number): string
  engine: Pick<StreamEngine, 'jobs' | 'bytes' | 'block'>
  /** Bytes of all input files. */
  inputs: number
  clock: Clock
}

/**
 * Seconds from now on, if the inputs are in the cache of the system and the disk writes as fast as they are made.
 * @returns null where tensors have no program
 */
export async function forecastSeconds({
  plan,
  workOf,
  kindOf,
  engine,
  inputs,
  clock,
}: ForecastRun): Promise<number | null> {
  const costs = new Map<string, Cost>()
  let compute = 0
  for (const i of largestFirst(plan)) {
    const { dtype, shape } = plan[i]!
    const work = workOf(i, shape)
    if (!work) return null
    const size = countEntries(shape)
    if ('copy' in work || size === 0) continue
    const columns = columnsOf(shape)
    const { length: models } = work.models
    const resident = stayingBytes(shape, models) <= engine.bytes
    const kind = [kindOf(i), dtype, models, resident].join()
    const shapeOf = (entries: number) => [
      Math.min(Math.ceil(size / columns), Math.max(1, Math.floor(entries / columns))),
      columns,
    ]
    if (!costs.has(kind)) {
      const trial = (own: number[]) =>
        trySeconds(() => workOf(i, own) as TensorWork<unknown>, own, { dtype, resident, clock })
      costs.set(kind, await costOf(trial, [shapeOf(0), shapeOf(TRIAL)]))
    }
    const { once, each } = costs.get(kind)!
    compute += once * Math.ceil(size / engine.block) + each * size
  }
  const output = plan.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
  const all = compute + (inputs + 2 * output) * PER_BYTE
  return START + all / Math.min(availableParallelism(), engine.jobs)
}

/** Seconds of one thread, for a block and for each of its entries. */
interface Cost {
  once: number
  each: number
}

/** From trials of a small shape and a large one. */
async function costOf(
  trial: (shape: number[]) => Promise<number>,
  [small, large]: readonly [number[], number[]],
): Promise<Cost> {
  const [one, two] = [await trial(small), await trial(large)]
  const [few, many] = [countEntries(small), countEntries(large)]
  if (many <= few) return { once: 0, each: two / many }
  const each = Math.max(0, two - one) / (many - few)
  return { once: Math.max(0, one - each * few), each }
}

/** Seconds of a program in one thread, the least of some runs. */
async function trySeconds(
  workOf: () => TensorWork<unknown>,
  shape: readonly number[],
  { dtype, resident, clock }: { dtype: string; resident: boolean; clock: Clock },
): Promise<number> {
  const size = countEntries(shape)
  const machine = makeMachine(64e6 + 8 * size * 4 * 8, { read: makeWeights(size), write: () => undefined })
  const lane: Lane = {
    run: async (pass) => machine.run(pass),
    check: async () => '',
    copy: async () => ({ read: '', written: '' }),
    release: () => undefined,
  }
  const engine = {
    bytes: resident ? Number.POSITIVE_INFINITY : 0,
    block: 1 << 22,
    choices: openChoices(size),
    lease: async () => lane,
  }
  const source = ({ checkpoint, name }: TensorAt, file: string) => {
    const dtype = checkpoint.tensors.get(name)!.dtype as StoredFormat
    return { file: `${dtype} ${file}`, begin: 0, dtype }
  }
  let [best, spent] = [Number.POSITIVE_INFINITY, 0]
  for (let run = 0; run < 2 || (spent < PATIENCE && run < 8); run++) {
    const { base, models, ...work } = workOf()
    const start = clock()
    await runTensor(engine, {
      ...work,
      base: base && source(base, 'base'),
      models: models.map((model, i) => source(model, String(i))),
      target: { file: '', begin: 0, dtype: dtype as WritableDtype },
    })
    const seconds = clock() - start
    spent += seconds
    best = Math.min(best, seconds)
  }
  return best
}

/** Random weights of a base and of models near it, as files of any format. */
function makeWeights(size: number) {
  const files = new Map<string, Uint8Array>()
  /** Products of two uniform numbers: most are small, as weights are. */
  const values = (seed: number, scale: number) => {
    let state = seed
    const uniform = () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      return state / 2 ** 31
    }
    return Float32Array.from({ length: size }, () => uniform() * uniform() * scale)
  }
  const base = values(1, 0.05)
  const contentOf = (file: string): Uint8Array => {
    const [dtype, model] = file.split(' ')
    const own = model === 'base' ? base : values(Number(model) + 2, 0.001).map((value, i) => base[i]! + value)
    return dtype === 'F64' ? new Uint8Array(Float64Array.from(own).buffer) : encode(dtype as WritableDtype, own)
  }
  /** Reads from a file with the name of a format and of a model. */
  return (file: string, target: Uint8Array, position: number): void => {
    const bytes = files.get(file) ?? contentOf(file)
    files.set(file, bytes)
    target.set(bytes.subarray(position, position + target.length))
  }
}

/** Bytes of all tensors of a checkpoint. */
export const storedBytes = ({ tensors }: Pick<Checkpoint, 'tensors'>): number =>
  [...tensors.values()].reduce((sum, { begin, end }) => sum + end - begin, 0)
