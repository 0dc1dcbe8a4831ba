// A base and its post-trained model, opened by their headers; weights are read tensor by tensor when they are asked for.
import { type Pair, pairCheckpoints, type Selection, selectTensors } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { showValue } from '../schema/index.js'
import { openModels } from '../sources/index.js'
import { checkerOf, given } from './given.js'

/** Where a pair comes from: folders, or `org/name[@revision]` of the hub; `post` may be an adapter of the base. */
export interface PairPaths {
  /** Base model. */
  base: string
  /** Post-trained model, or an adapter of the base. */
  post: string
}

/** A pair that is given by its paths, or that is open already. */
export type PairSource = PairPaths | OpenPair

/** An open pair. Close it, or open it with `await using`. */
export interface OpenPair extends Pair, AsyncDisposable {
  /** The paths that it was opened by. */
  readonly paths: Readonly<PairPaths>
  /**
   * post − base of one tensor, as float32 in row-major order.
   * @throws Error for a name that is not in `names`
   */
  delta(name: string): Promise<Float32Array>
  /**
   * Names of the tensors that the patterns select, in the order of `names`.
   * @throws UserError for a pattern that matches nothing
   */
  select(tensors?: Selection): string[]
  /** Closes the files of both models. */
  close(): Promise<void>
}

/** How tensors are paired. */
export interface OpenPairOptions {
  /** Leave out tensors that only one model has, or that differ in shape, instead of refusing the pair. */
  ignoreUnmatched?: boolean | undefined
}

/**
 * Opens a base and its post-trained model. Only headers are read.
 *
 * @param base folder of the base model (config.json and weights), or `org/name[@revision]` of the hub
 * @param post the post-trained model in the same form, or the folder of an adapter of the base
 * @param options what to do with tensors that only one model has
 * @throws UserError for a folder that is no model, and for tensors without a partner of the same shape
 */
export async function openPair(base: string, post: string, options: OpenPairOptions = {}): Promise<OpenPair> {
  checkPair({ base, post } as PairPaths)
  checkOpenPair(options)
  const opened = await openModels(base, post)
  const close = async () => void (await Promise.all(opened.map((checkpoint) => checkpoint.close())))
  try {
    const pair = await pairCheckpoints(...opened, { ignoreUnmatched: options.ignoreUnmatched ?? false })
    const entries = pair.names.flatMap((name) => pair.post.tensors.get(name) ?? [])
    return {
      ...pair,
      paths: { base, post },
      delta: async (name) => {
        if (!pair.names.includes(name)) throw new Error(`${name} is not a tensor of both models`)
        const before = await pair.base.read(name)
        return (await pair.post.read(name)).map((value, i) => value - (before[i] ?? Number.NaN))
      },
      select: (tensors = {}) => selectTensors(entries, tensors),
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

const checkOpenPair = checkerOf<OpenPairOptions>('openPair', { ignoreUnmatched: given.flag })

/** @throws UserError for what is neither an open pair nor two paths */
export function checkPair(source: PairSource): void {
  const { base, post, names } = Object(source) as Partial<PairPaths & OpenPair>
  if (names || [base, post].every((path) => typeof path === 'string' && path !== '')) return
  throw new UserError(
    `a pair is { base, post }, two folders or names on the hub, or what openPair gives; got ${showValue(source)}`,
  )
}

/** Runs `work` on the pair; closes the pair after it if it was opened here. */
export async function withPair<T>(source: PairSource, work: (pair: OpenPair) => Promise<T>): Promise<T> {
  checkPair(source)
  if ('names' in source) return work(source)
  const pair = await openPair(source.base, source.post)
  return work(pair).finally(pair.close)
}

/** The paths of a pair. */
export const pathsOf = (source: PairSource): PairPaths => ('names' in source ? source.paths : source)
