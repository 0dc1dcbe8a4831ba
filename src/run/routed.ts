// A merge whose gates a router gives: every item is answered by weights of its own, θ(x) = θ* + Σ gate · v (Twin-Merging).
import type { MergeEdit } from '../config/index.js'
import { encodeItems, promptFeatures, type Reply, replyTo, scoreReplies } from '../evaluate/index.js'
import { lossOf } from '../loss/index.js'
import { mergerNamed, routeFeatures, trainRouter } from '../mergers/index.js'
import type { Weights } from '../models/index.js'
import type { MergerData } from '../plan/index.js'
import type { Task } from '../tasks/index.js'
import { largest } from '../tasks/scoring/choice.js'
import { tf } from '../tensor/index.js'
import type { EditedModel, Routed } from './edited-model.js'
import type { LoadedPair } from './loaded-pair.js'
import { applyMerge } from './merge.js'

/** The same merge with its gates given: all 0 are the shared model. */
export function fixGates(edit: MergeEdit, gates: readonly number[]): MergeEdit {
  const { merger, options, modelOptions } = edit.merge
  const fixed = mergerNamed(merger).gating!.fix(options, modelOptions, gates)
  return { ...edit, merge: { ...edit.merge, options: fixed.options, modelOptions: fixed.models, data: null } }
}

const sharedOf = (home: LoadedPair, edit: MergeEdit, seed: number | null, warn: (text: string) => void) =>
  applyMerge(
    home,
    fixGates(
      edit,
      edit.merge.posts.map(() => 0),
    ),
    seed,
    [],
    warn,
  )

/** What a router learns from: one entry, the features of all prompts of the tasks under the shared model. */
export async function samplePrompts(
  home: LoadedPair,
  edit: MergeEdit,
  seed: number | null,
  tasks: readonly Task[],
): Promise<MergerData> {
  const shared = await sharedOf(home, edit, seed, () => undefined)
  const features: number[] = []
  for (const task of tasks) features.push(...(await promptFeatures(home.model, shared.weights, task, home.tokenizer)))
  shared.dispose()
  return new Map([['prompts', Float32Array.from(features)]])
}

/**
 * Trains the router and merges once with every post's gate at 1. The gates of an item sum to 1, so its weights are the mean of
 * these merges by its gates, exactly. There is no one change of the weights: no path, no norm, no count of what is kept.
 * @param data of each post, what `samplePrompts` gives of its tasks
 */
export async function applyRouted(
  home: LoadedPair,
  edit: MergeEdit,
  seed: number | null,
  data: readonly MergerData[],
  warn: (text: string) => void,
): Promise<EditedModel> {
  const { model, tokenizer, pair } = home
  const { posts } = edit.merge
  const router = await trainRouter(
    data.map((each) => each.get('prompts')!),
    model.width,
    seed ?? 0,
  )
  const shared = await sharedOf(home, edit, seed, warn)
  const experts: EditedModel[] = []
  for (const post of posts)
    experts.push(
      await applyMerge(
        home,
        fixGates(
          edit,
          posts.map((each) => Number(each === post)),
        ),
        seed,
        [],
        warn,
      ),
    )

  const gatesOf = async (task: Task): Promise<number[][]> => {
    const gates = await routeFeatures(router, await promptFeatures(model, shared.weights, task, tokenizer))
    return task.items.map((_, i) => [...gates.subarray(i * posts.length, (i + 1) * posts.length)])
  }
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
        found.push(await measure({ ...home.post, ...own }, { ...task, items: [task.items[i]!] }))
      } finally {
        tf.dispose(own)
      }
    }
    return found
  }
  const routed: Routed = {
    async loss(task) {
      const losses = await each(task, async (weights, one) =>
        lossOf(model, weights, await encodeItems(one, tokenizer, model)),
      )
      const itemSums = Float64Array.from(losses, (loss) => loss.itemSums[0] ?? 0)
      const tokens = losses.reduce((sum, loss) => sum + loss.tokens, 0)
      const mean = itemSums.reduce((a, b) => a + b, 0) / tokens
      return { mean, tokens, itemSums, itemTokens: Int32Array.from(losses, (loss) => loss.tokens) }
    },
    async score(task) {
      const replies = await each(task, (weights, one): Promise<Reply[]> => replyTo(model, weights, one, tokenizer))
      return scoreReplies(task, replies.flat(1) as Reply[])
    },
    async accuracy(task) {
      const own = posts.findIndex(({ postFolder }) => postFolder === pair.postFolder)
      const gates = await gatesOf(task)
      return own < 0 ? null : gates.filter((of) => largest(of) === own).length / gates.length
    },
  }
  const dispose = () => [shared, ...experts].forEach((applied) => applied.dispose())
  return { ...shared, kept: null, editNorm: null, routed, dispose }
}
