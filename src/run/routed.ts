// A merge with a router (Twin-Merging): every item x is answered with its own weights, θ(x) = θ* + Σ gate · v.
import type { MergeEdit } from '../config/index.js'
import { divergenceScores, joinPositions, measurePositions, summarise } from '../divergence/index.js'
import { encodeItems, promptFeatures, type Reply, replyTo, scoreReplies } from '../evaluate/index.js'
import { type Merger, routeFeatures, trainRouter } from '../mergers/index.js'
import type { Weights } from '../models/index.js'
import type { MergerData } from '../plan/index.js'
import { largestIndex, sliceTask, type Task } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import type { HeldModel, RoutedModel } from './edited-model.js'
import type { LoadedPair } from './loaded-pair.js'
import { lossBy } from './measure-change.js'
import { applyMerge, type MergeSettings } from './merge.js'

/** The same merge with fixed gates, one for each post. With all gates at 0 it is the shared model. */
export function fixGates({ gating }: Merger, edit: MergeEdit, gates: readonly number[]): MergeEdit {
  const { merge } = edit
  const fixed = gating!.fix(merge.options, merge.modelOptions, gates)
  return { ...edit, merge: { ...merge, options: fixed.options, modelOptions: fixed.modelOptions, data: null } }
}

const applyGates = (
  home: LoadedPair,
  edit: MergeEdit,
  gateOf: (post: number) => number,
  settings: Omit<MergeSettings, 'data'>,
): Promise<HeldModel> =>
  applyMerge(
    home,
    fixGates(
      home.registry.merger(edit.merge.merger),
      edit,
      edit.merge.posts.map((_, i) => gateOf(i)),
    ),
    { ...settings, data: [] },
  )

/** Training data of a router: one entry with the features of all prompts, under the shared model. */
export async function samplePrompts(
  home: LoadedPair,
  edit: MergeEdit,
  seed: number | null,
  tasks: readonly Task[],
): Promise<MergerData> {
  const shared = await applyGates(home, edit, () => 0, { seed, warn: () => undefined })
  try {
    const features: number[] = []
    for (const task of tasks) features.push(...(await promptFeatures(home.model, shared.weights, task, home.tokenizer)))
    return new Map([['prompts', Float32Array.from(features)]])
  } finally {
    shared.dispose()
  }
}

/**
 * Trains the router, and merges once per post with that post's gate at 1. The gates of an item sum to 1, so its weights are exactly
 * the mean of these merges, weighted by the gates. There is no single change of the weights, so there is no path, norm or kept count.
 * @param settings data: what `samplePrompts` gives for each post
 */
export async function applyRouted(
  home: LoadedPair,
  edit: MergeEdit,
  { seed, data, warn }: MergeSettings,
): Promise<HeldModel> {
  const { posts } = edit.merge
  const samples = data.map((each) => each.get('prompts')!)
  const router = await trainRouter(samples, home.model.width, seed ?? 0)
  const held: HeldModel[] = []
  const dispose = () => {
    for (const model of held) model.dispose()
  }
  const hold = async (gateOf: (post: number) => number) => {
    const model = await applyGates(home, edit, gateOf, { seed, warn })
    held.push(model)
    return model
  }
  try {
    const shared = await hold(() => 0)
    const experts: HeldModel[] = []
    for (const own of posts.keys()) experts.push(await hold((post) => Number(post === own)))
    const gatesOf = async (task: Task): Promise<number[][]> => {
      const features = await promptFeatures(home.model, shared.weights, task, home.tokenizer)
      const gates = await routeFeatures(router, features)
      return task.items.map((_, i) => [...gates.subarray(i * posts.length, (i + 1) * posts.length)])
    }
    return {
      ...shared,
      kept: null,
      editNorm: null,
      rest: null,
      routed: routeItems(home, edit, { shared, experts, gatesOf }),
      dispose,
    }
  } catch (error) {
    dispose()
    throw error
  }
}

interface Experts {
  /** The merge with all gates at 0. */
  shared: HeldModel
  /** Of each post, the merge with its gate at 1. */
  experts: readonly HeldModel[]
  /** Of each item, the gates of the posts. */
  gatesOf(task: Task): Promise<number[][]>
}

/** Measures items, each with its own weights. */
function routeItems(home: LoadedPair, edit: MergeEdit, { shared, experts, gatesOf }: Experts): RoutedModel {
  const { model, tokenizer, pair } = home
  const weigh = (gates: readonly number[]): Weights =>
    Object.fromEntries(
      [...shared.change.keys()].map((name) => [
        name,
        tf.tidy(() => tf.addN(experts.map(({ weights }, i) => weights[name]!.mul(gates[i]!)))),
      ]),
    )
  /** `measure` of each item by itself. */
  const each = async <T>(task: Task, measure: (weights: Weights, one: Task) => Promise<T>): Promise<T[]> => {
    const found: T[] = []
    for (const [i, gates] of (await gatesOf(task)).entries()) {
      const own = weigh(gates)
      try {
        found.push(await measure({ ...home.post, ...own }, sliceTask(task, i, i + 1)))
      } finally {
        tf.dispose(own)
      }
    }
    return found
  }
  return {
    async loss(task, kind) {
      const losses = await each(task, async (weights, one) =>
        lossBy(kind, { model, post: home.post }, weights, await encodeItems(one, tokenizer, model)),
      )
      const itemSums = Float64Array.from(losses, (loss) => loss.itemSums[0] ?? 0)
      const tokens = losses.reduce((sum, loss) => sum + loss.tokens, 0)
      const mean = itemSums.reduce((a, b) => a + b, 0) / tokens
      return { mean, tokens, itemSums, itemTokens: Int32Array.from(losses, (loss) => loss.tokens) }
    },
    async score(task) {
      const replies = await each(
        task,
        (weights, one): Promise<Reply[]> => replyTo({ model, weights, reader: tokenizer }, one),
      )
      return scoreReplies(task, replies.flat(1) as Reply[])
    },
    async compare(task) {
      const found = await each(task, async (weights, one) =>
        measurePositions({ model, weights: home.post }, { model, weights }, await encodeItems(one, tokenizer, model)),
      )
      return divergenceScores(model, summarise(joinPositions(found)))
    },
    async accuracy(task) {
      const own = edit.merge.posts.findIndex(({ postFolder }) => postFolder === pair.postFolder)
      if (own < 0) return null
      const gates = await gatesOf(task)
      return gates.filter((of) => largestIndex(of) === own).length / gates.length
    },
  }
}
