// The data that a merger needs besides weights, such as Fisher information: what is measured on each post, and for which runs.
import type { MergeEdit, ModelPair } from '../config/index.js'
import type { Convention, GivenData } from '../mergers/index.js'
import { pairKey, type Run } from './plan.js'

/** Values by tensor, in shared memory, so that every worker reads the same. */
export type MergerData = Map<string, Float32Array>

/** What determines the data of a given post. `items`: number of items of each task, from the last. */
export type DataRequest =
  | { kind: GivenData; convention: Convention; items: number }
  | { kind: 'prompts'; edit: MergeEdit; seed: number | null; items: number }

/** The data that the merger of a run needs, for each post. */
export function requestsOf(
  { edit, seed }: Run,
  items: number,
): { id: string; pair: ModelPair; request: DataRequest }[] {
  if (!edit.merge) return []
  const { merge, steps } = edit
  const { data: kind, convention, merger, options, modelOptions } = merge
  if (kind === null) return []
  if (kind === 'prompts') {
    const what = JSON.stringify([merger, options, modelOptions, merge.posts.map(pairKey), steps, seed])
    return merge.posts.map((pair) => ({
      id: `prompts ${what} ${pairKey(pair)}`,
      pair,
      request: { kind, edit, seed, items },
    }))
  }
  return merge.posts.map((pair) => ({
    id: `${kind} ${convention} ${pairKey(pair)}`,
    pair,
    request: { kind, convention, items },
  }))
}
