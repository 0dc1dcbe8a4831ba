// Generated answers to a task's prompts, and what its metrics and filters make of them.
import { checkFinite, countOutputs, makeInputs, run, sourceOf, type Model, type Source, type Weights } from '../models/index.js'
import { cutAtStop, filterAnswer } from '../tasks/filters.js'
import { METRICS } from '../tasks/metrics.js'
import type { Item, Task } from '../tasks/task.js'
import { tf, type Batch } from '../tensor/index.js'
import type { Tokenizer } from '../tokenizer/index.js'
import { encodeItems, type EncodeOptions } from './encode.js'
import { generate } from './generate.js'
import { foldHighest } from './highest.js'

/**
 * Which items' targets are exactly what greedy decoding would give: under the target itself as input, every position
 * predicts the next token. One forward pass instead of a generation.
 */
async function greedyMatches(model: Model, weights: Weights | Source, batches: readonly Batch[], count: number): Promise<Uint8Array> {
  const matches = new Uint8Array(count).fill(1)
  const counted = batches.map((batch) => countOutputs(model, batch))
  const feeds = batches.map((batch, i) => ({ tokens: batch.ids.length, open: () => makeInputs(model, batch, { wanted: counted[i].at }) }))
  const best = await run(sourceOf(model, weights), feeds, foldHighest)
  for (const [i, each] of best.entries()) {
    const [tokens, values] = [await each.index.data(), await each.value.data()]
    checkFinite(values, (k) => `the best logit of item ${batches[i].items[counted[i].rows[k]] + 1}`)
    counted[i].labels.forEach((label, k) => {
      if (tokens[k] !== label) matches[batches[i].items[counted[i].rows[k]]] = 0
    })
    tf.dispose(each as tf.TensorContainer)
  }
  return matches
}

/** Greedy answers to the first `items` items, cut at the task's stops. Generated only where the target is not the greedy answer. */
export async function answerAll(model: Model, weights: Weights | Source, task: Task, tokenizer: Tokenizer, options: EncodeOptions): Promise<string[]> {
  const items = task.items.slice(0, options.items)
  // Examples in front make prompts long and targets rarely greedy: the shortcut is for tasks whose target is the only right answer.
  const known =
    METRICS[task.metric].exactImpliesRight && !task.stop
      ? await greedyMatches(model, weights, await encodeItems(task, tokenizer, options), items.length)
      : new Uint8Array(items.length)
  const answers = items.map(({ target }) => (task.delimiter ?? '') + target)
  const open = [...items.keys()].filter((i) => !known[i])
  const room = Math.max(1, model.positions - task.maxNewTokens)
  const prompts = (await tokenizer.encode(open.map((i) => items[i].prompt), { special: true })).map((ids) => ids.slice(-room))
  const { stop } = task
  const stopped = stop && ((ids: readonly number[]) => cutAtStop(tokenizer.decode(ids), stop) !== tokenizer.decode(ids))
  const made = await generate(model, weights, prompts, { maxNewTokens: task.maxNewTokens, eos: tokenizer.eos, stopped })
  open.forEach((item, i) => (answers[item] = cutAtStop(tokenizer.decode(made[i]), stop)))
  return answers
}

/** Score of each metric under each filter: `metric`, or `metric,filter` where there are filters; the first is the task's. */
export async function scoreAnswers(task: Task, items: readonly Item[], answers: readonly string[]): Promise<Map<string, { mean: number; items: Float64Array }>> {
  const scores = new Map<string, { mean: number; items: Float64Array }>()
  for (const name of [task.metric, ...(task.others ?? [])]) {
    for (const [filter, steps] of Object.entries(task.filters ?? { '': [] })) {
      const metric = METRICS[name]
      const each = new Float64Array(items.length)
      let [sum, weights] = [0, 0]
      for (const [i, item] of items.entries()) {
        const weight = metric.weight?.(item) ?? 1
        each[i] = await metric.score(filterAnswer(answers[i], steps), item, task)
        sum += weight * each[i]
        weights += weight
      }
      scores.set(filter ? `${name},${filter}` : name, { mean: sum / weights, items: each })
    }
  }
  return scores
}
