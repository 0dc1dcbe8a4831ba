// A merge as runs know it, and how its row names it. Imports nothing that computes: every thread and every report may read it.
import { modelName } from '../hub/reference.js'
import type { Convention, Merger } from '../mergers/index.js'
import type { Edit } from './edits.js'
import type { Pair } from './experiment.js'

/** How edited deltas become one model. Plain data, so that it can be hashed and handed to a worker. */
export interface Merge {
  merger: string
  convention: Convention
  /** Options of the merge, and of each post in their order, complete with defaults. */
  options: Record<string, unknown>
  own: Record<string, unknown>[]
  /** Fine-tunes of one base. */
  posts: Pair[]
  /** What the merger needs of each post besides its weights; prompts of its tasks are what a router learns from. */
  data: NonNullable<Merger['data']> | 'prompts' | null
  /** Sources of the tasks it is measured on; null for all that models of the base list. */
  tasks: string[] | null
}

/** What a fine-tune is called in a merge: the last part of its folder, or of its name on the hub. */
export const postName = (pair: Pair): string => modelName(pair.postFolder)

/** True when a model, on one of its tasks, is a reference for this merge. */
export const measures = ({ posts, tasks }: Merge, pair: Pair, source: string): boolean =>
  pair.baseFolder === posts[0]!.baseFolder && (tasks === null || tasks.includes(source))

/** The options of an edit as its row has them: flat where there is one editor or a merger, with the steps of anything longer. */
export function optionsOf({ steps, merge }: Edit): Record<string, unknown> {
  const listed = steps.map(({ editor, options }) => ({ editor, ...options }))
  if (!merge) return steps.length === 1 ? steps[0]!.options : { steps: listed }
  const own = Object.keys(merge.own[0]!).map((key) => {
    const values = merge.own.map((options) => options[key])
    return [
      key,
      values.every((value) => value === values[0])
        ? values[0]
        : Object.fromEntries(values.map((value, i) => [postName(merge.posts[i]!), value])),
    ]
  })
  return {
    convention: merge.convention,
    ...merge.options,
    ...Object.fromEntries(own),
    ...(listed.length && { steps: listed }),
  }
}
