// Low-rank factors of the delta of one tensor: the work of a thread. It needs no TensorFlow.js.
import type { LoraFactors } from '../checkpoint/index.js'
import { type Factors, factorsOf } from '../codecs/index.js'
import {
  eigenBytes,
  exactSvd,
  exactTriplets,
  gramBytes,
  gramTriplets,
  krylovBytes,
  krylovTriplets,
  krylovWorkBytes,
  MatrixMemory,
  MOST_BYTES,
  memoryFor,
  type Normed,
  type Svd,
  svdBytes,
  turnMatrices,
} from '../tensor/index.js'
import {
  BadInput,
  type DeltaReader,
  type DeltaSource,
  openDeltaReader,
  READER_BYTES,
  readerShapes,
} from './delta-memory.js'

/** What is wanted of a tensor. */
export interface FactorPlan {
  /** Matrices [rows, columns] that lie one after the other; `turned`: the factors are those of the transpose. */
  rows: number
  columns: number
  count: number
  turned: boolean
  /** Triplets of each matrix. */
  rank: number
  /** Whether they are found by the sure way at once. */
  exact: boolean
}

export interface FactorTask {
  source: DeltaSource
  /** Entries of the tensor. */
  size: number
  /** Null where only the squared norm is wanted. */
  plan: FactorPlan | null
}

/** Null for inputs that are not finite. */
export type FactorReply = FactorAnswer | null

export interface FactorAnswer {
  /** Squared norm of the delta. */
  squares: number
  /** Null for a delta of zeros, where none are wanted, and where the fast way does not find them. */
  factors: LoraFactors | null
  /** Squared norm that they keep. */
  kept: number
}

/** Bytes that a task takes at its largest moment. */
export function factorTaskBytes(plan: FactorPlan | null): number {
  const reader = memoryFor(readerShapes) + READER_BYTES
  if (!plan) return reader
  const { rows, columns, count, rank, exact } = plan
  const results = 12 * rank * count * (rows + columns)
  if (exactSvd([rows, columns], rank)) return reader + matrixBytes(plan) + svdBytes([rows, columns], rank) + results
  const search = exact
    ? gramBytes(rows, columns, rank) + eigenBytes(rows, columns)
    : krylovBytes(rows, columns, rank) + krylovWorkBytes(rows, columns, rank)
  return reader + search + results
}

/** Whether a memory of WebAssembly can hold the matrix and the search. */
export const fitsOneMemory = (plan: FactorPlan): boolean => memoryFor(readerShapes) + matrixBytes(plan) <= MOST_BYTES

/** Does tasks one after the other, in one memory. */
export function openFactorWork(): { run(task: FactorTask): FactorReply; close(): void } {
  const memory = new MatrixMemory(memoryFor(readerShapes) + READER_BYTES)
  const reader = openDeltaReader(memory)
  const run = (task: FactorTask): FactorReply => {
    try {
      return runTask(task, memory, reader)
    } catch (error) {
      if (error instanceof BadInput) return null
      throw error
    }
  }
  return { run, close: reader.close }
}

function runTask({ source, size, plan }: FactorTask, memory: MatrixMemory, reader: DeltaReader): FactorAnswer {
  if (!plan) return { squares: reader.squares(source, 0, size), factors: null, kept: 0 }
  const { rows, columns, count, turned: isTurned, rank } = plan
  const found: Factors[] = []
  let [squares, kept] = [0, 0]
  for (let each = 0; each < count; each++) {
    const triplets = memory.within(() => {
      memory.reserve(memory.used + matrixBytes(plan))
      const a = memory.allocate(rows, columns)
      const own = reader.read(source, each * rows * columns, a)
      squares += own
      return tripletsOf(memory, { matrix: a, squares: own }, plan)
    })
    if (!triplets) {
      const rest = reader.squares(source, (each + 1) * rows * columns, size)
      return { squares: squares + rest, factors: null, kept: 0 }
    }
    const part = factorsOf(triplets, rank)
    kept += triplets.s.slice(0, part.a.length / columns).reduce((sum, value) => sum + value * value, 0)
    found.push(isTurned ? turned(part) : part)
  }
  const [outputs, inputs] = isTurned ? [columns, rows] : [rows, columns]
  return { squares, factors: squares === 0 ? null : together(found, outputs, inputs), kept }
}

const matrixBytes = ({ rows, columns, rank, exact }: FactorPlan): number =>
  exactSvd([rows, columns], rank)
    ? memoryFor([[rows, columns]])
    : exact
      ? gramBytes(rows, columns, rank)
      : krylovBytes(rows, columns, rank)

function tripletsOf(memory: MatrixMemory, of: Normed, { rank, exact }: FactorPlan): Svd | null {
  const { rows, columns } = of.matrix
  if (exactSvd([rows, columns], rank)) return exactTriplets(memory.values(of.matrix), [rows, columns], rank)
  return exact ? gramTriplets(memory, of.matrix, rank) : krylovTriplets(memory, of, rank, [0, 0])
}

/** The factors of the transpose. */
function turned({ shape: [rows, columns], a, b }: Factors): Factors {
  const rank = a.length / columns
  return { shape: [columns, rows], a: turnMatrices(b, [rows, rank]), b: turnMatrices(a, [rank, columns]) }
}

/** Factors of the matrices of one tensor, which peft keeps in one of one rank. */
function together(found: readonly Factors[], outputs: number, inputs: number): LoraFactors {
  const [first] = found
  if (found.length === 1) return { rank: first!.a.length / inputs, a: first!.a, b: first!.b }
  const rank = Math.max(...found.map(({ a }) => a.length / inputs))
  const count = found.length
  const [a, b] = [new Float32Array(count * rank * inputs), new Float32Array(outputs * rank * count)]
  found.forEach((part, each) => {
    const own = part.a.length / inputs
    a.set(part.a, each * rank * inputs)
    part.b.forEach((value, at) => (b[(Math.floor(at / own) * rank + (at % own)) * count + each] = value))
  })
  return { rank, a, b }
}
