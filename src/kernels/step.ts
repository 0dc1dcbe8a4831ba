// What a pass does with each strip: steps, calls of kernels whose constants are settled before the first strip.
import type { Buffers } from './layout.js'
import type { Kernels } from './module.js'
import type { PassResult, TensorPass } from './pass.js'
import type { PassError } from './pass-error.js'

/** The strip that steps work on. */
export interface Strip {
  /** Its first entry. */
  from: number
  /** Its number of entries. */
  size: number
  /** Its number in the pass. */
  index: number
  /** Its number in the tensor. */
  slot: number
  /** Bytes from the address of a model's values in the buffers to that of the strip, where the values of a tensor stay in memory. */
  shift: number
}

export type StripStep = (strip: Strip) => void

/** Where entries are: at `address`, and `moves` times the shift of the strip further. */
export interface ValuesPlace {
  address: number
  moves: 0 | 1
}

/** What steps are made of. */
export interface StepParts {
  memory: WebAssembly.Memory
  kernels: Kernels
  at: Buffers
  pass: TensorPass
  answers: PassResult['answers']
  /** @throws PassError for the first entry that is not finite @param stored address of the same entries as they are in files */
  fail(of: PassError['of'], address: number, strip: Strip, stored: number): never
}
