// What a run does to the weights: one edit of a delta, or a merge of several. Plain data, so that it can be hashed and handed to
// a worker.
import type { Convention, GivenData } from '../mergers/index.js'
import { type ModelPair, postName } from './pair.js'

/** One editor by name, with its options complete with defaults. */
export interface NamedStep {
  readonly editor: string
  readonly options: Readonly<Record<string, unknown>>
}

interface Steps {
  readonly label: string
  readonly on: 'delta' | 'weights'
  readonly tensors: { readonly include: readonly string[]; readonly exclude: readonly string[] }
  readonly steps: readonly NamedStep[]
  /** True when a step draws at random, so that each seed is a run of its own. */
  readonly stochastic: boolean
  readonly needsGradient: boolean
  /** Bits of one entry, of the first step that stores a fixed number of them: the column `bits`. */
  readonly entryBits: number | null
}

/** An edit of one delta, which is the result. */
export interface DeltaEdit extends Steps {
  /** Name of the editor; those of a chain joined by "+". */
  readonly editor: string
  readonly merge?: undefined
}

/** A merge of several deltas, each edited before (no steps: taken as it is). */
export interface MergeEdit extends Steps {
  /** As above; null where the merge takes the deltas as they are. */
  readonly editor: string | null
  readonly merge: Merge
}

export type Edit = DeltaEdit | MergeEdit

/** How edited deltas become one model. */
export interface Merge {
  readonly merger: string
  readonly convention: Convention
  /** Options of the merge, complete with defaults. */
  readonly options: Readonly<Record<string, unknown>>
  /** Options of each post, in their order, complete with defaults. */
  readonly modelOptions: readonly Readonly<Record<string, unknown>>[]
  /** Fine-tunes of one base. */
  readonly posts: readonly ModelPair[]
  /** What the merger needs of each post besides its weights; a router learns from prompts of its tasks. */
  readonly data: GivenData | 'prompts' | null
  /** Sources of the tasks it is measured on; null for all that models of the base list. */
  readonly tasks: readonly string[] | null
}

/** True when the merge is measured on this task of this model. */
export const measures = ({ posts, tasks }: Merge, pair: ModelPair, source: string): boolean =>
  pair.baseFolder === posts[0]!.baseFolder && (tasks === null || tasks.includes(source))

/** The options of an edit as its row has them: flat where there is one editor or a merger, with the steps of anything longer. */
export function optionsOf({ steps, merge }: Edit): Record<string, unknown> {
  const listed = steps.map(({ editor, options }) => ({ editor, ...options }))
  if (!merge) return steps.length === 1 ? { ...steps[0]!.options } : { steps: listed }
  const ofModels = Object.keys(merge.modelOptions[0]!).map((key) => {
    const values = merge.modelOptions.map((options) => options[key])
    const byPost = values.map((value, i) => [postName(merge.posts[i]!), value] as const)
    return [key, values.every((value) => value === values[0]) ? values[0] : Object.fromEntries(byPost)] as const
  })
  return {
    convention: merge.convention,
    ...merge.options,
    ...Object.fromEntries(ofModels),
    ...(listed.length && { steps: listed }),
  }
}
