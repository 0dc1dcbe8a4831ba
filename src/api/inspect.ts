// Statistics of a delta, from code.
import { z } from 'zod'
import { type GroupReport, inspectPair, type TensorReport } from '../inspect/index.js'
import { checkerOf, given } from './given.js'
import { type PairSource, withPair } from './pair.js'

/** Which tensors are inspected, and how far. */
export interface InspectOptions {
  /** Patterns of the tensors: names with `*`, `role:<role>`, or `linear`; all unless given. */
  include?: readonly string[] | undefined
  /** Patterns of the tensors to leave out of those. */
  exclude?: readonly string[] | undefined
  /** Longest smaller side of a matrix that gets an effective rank (a cubic cost, seconds at 1024); 0 for none. Default 1024. */
  rankLimit?: number | undefined
  /** Worker threads; by default one for each core. */
  jobs?: number | undefined
  /** Bound on the memory of the whole process in bytes. Default 1 GB. */
  memory?: number | undefined
}

/** A report per tensor, and one per role; the last of `roles` is of all tensors together. */
export interface Inspection {
  /** A report per tensor, in the order of the model. */
  tensors: TensorReport[]
  /** A report per role, and one of all tensors. */
  roles: GroupReport[]
}

const checkInspect = checkerOf<InspectOptions>('inspect', {
  include: given.words,
  exclude: given.words,
  rankLimit: z.literal(Infinity).or(z.number().min(0)).optional(),
  jobs: given.count,
  memory: given.amount,
})

/**
 * Statistics of the delta of every selected tensor: norms, quantiles, shares of zeros, effective ranks.
 * Tensors are read by threads, block by block; a matrix is in memory as a whole for its effective rank.
 *
 * @param source folders of the pair, or an open pair
 * @param options which tensors are inspected, and how far
 * @throws UserError for a folder that is no model, tensors without a partner, or a pattern that matches nothing
 */
export async function inspect(source: PairSource, options: InspectOptions = {}): Promise<Inspection> {
  checkInspect(options)
  const { include = [], exclude = [], rankLimit, jobs, memory } = options
  return withPair(source, async (pair) => {
    const reports = inspectPair(pair, {
      names: pair.select({ include, exclude }),
      ...(rankLimit !== undefined && { rankLimit }),
      jobs,
      memory,
    })
    const tensors: TensorReport[] = []
    for (let next = await reports.next(); ; next = await reports.next()) {
      if (next.done) return { tensors, roles: next.value }
      tensors.push(next.value)
    }
  })
}
