// Generated answers to a task's prompts.
import { UserError } from '../errors/index.js'
import {
  type Batch,
  batchesOf,
  checkFinite,
  countOutputs,
  type Model,
  makeInputs,
  paddedTokens,
  run,
  type Sequence,
  type Source,
  sourceOf,
  type Weights,
} from '../models/index.js'
import { answerMetric, cutAtStop, type GenerateTask, replyMetrics, sequencesOf } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { generate } from './generate.js'
import { endsOf } from './generation_config.js'
import { foldHighest } from './highest.js'
import { BATCH_TOKENS, type Subject } from './options.js'
import type { TextReader } from './reader.js'
import { steerBy } from './steering.js'

/**
 * Which sequences' targets are exactly what greedy decoding would give: under the target itself as input, every position
 * predicts the next token. One forward pass instead of a generation.
 */
async function greedyMatches(
  model: Model,
  weights: Weights | Source,
  batches: readonly Batch[],
  count: number,
): Promise<Uint8Array> {
  const matches = new Uint8Array(count).fill(1)
  const counted = batches.map((batch) => countOutputs(model, batch))
  const feeds = batches.map((batch, i) => ({
    tokens: paddedTokens(model, batch),
    rows: batch.rows,
    open: () => makeInputs(model, batch, { wanted: counted[i]!.at }),
  }))
  const best = await run(sourceOf(model, weights), feeds, foldHighest, { name: 'score', unit: 'items' })
  for (const [i, each] of best.entries()) {
    const [tokens, values] = [await each.index.data(), await each.value.data()]
    checkFinite(values, (k) => `the best logit of item ${batches[i]!.items[counted[i]!.rows[k]!]! + 1}`)
    counted[i]!.labels.forEach((label, k) => {
      if (tokens[k] !== label) matches[batches[i]!.items[counted[i]!.rows[k]!]!] = 0
    })
    tf.dispose(each as tf.TensorContainer)
  }
  return matches
}

/** How answers to a task are generated: as lm-evaluation-harness asks transformers for them. */
async function planGeneration(task: GenerateTask, tokenizer: TextReader, { positions, start }: Model) {
  const { generation } = tokenizer
  const stops = [...(task.stop ?? []), tokenizer.written?.eos].filter((stop): stop is string => Boolean(stop))
  // A stop that is a special token is not in the decoded text.
  const special = (await tokenizer.encode(stops)).filter((ids) => ids.length === 1 && tokenizer.decode(ids) === '')
  return {
    stops,
    ends: [...new Set([tokenizer.eos ?? [], generation ? endsOf(generation) : [], special.flat()].flat())],
    steer: generation && steerBy(generation),
    // The max_new_tokens of generation_config.json has priority, but prompts are cut to leave room for the number that the task sets.
    maxNewTokens: generation?.max_new_tokens ?? task.maxNewTokens,
    // An encoder's prompt leaves the answer its own room.
    room: start === undefined ? positions - task.maxNewTokens : positions,
    start: start === undefined ? undefined : (generation?.decoder_start_token_id ?? start),
  }
}

/** @throws UserError for a generation_config.json that asks for answers which are not generated here */
export function checkGeneration(task: Pick<GenerateTask, 'name'>, { generation }: TextReader): void {
  if (!generation?.unknown.length) return
  throw new UserError(
    `task ${task.name}: ${generation.file} sets ${generation.unknown.join(', ')}, which changes greedy answers in transformers and is not supported; remove it there to have the likeliest tokens`,
  )
}

/** Greedy answers to all items, cut at the task's stops. Generated only where the target is not the greedy answer. */
export async function answerAll(
  { model, weights, reader: tokenizer }: Subject & { reader: TextReader },
  task: GenerateTask,
  batchTokens = BATCH_TOKENS,
): Promise<string[]> {
  checkGeneration(task, tokenizer)
  const { items } = task
  const { stops, ends, steer, maxNewTokens, room, start } = await planGeneration(task, tokenizer, model)
  const sequences = await sequencesOf(
    items.map(({ prompt, target }) => ({ prompt, target: (task.delimiter ?? '') + target })),
    tokenizer,
  )
  // Examples in front make prompts long and targets rarely greedy: the shortcut is for tasks whose target is the only right answer.
  const known = new Set<number>()
  const [scored] = replyMetrics(task)
  if (scored !== undefined && answerMetric(task, scored).exactImpliesRight && !task.stop && !steer) {
    const { turn = Infinity } = model
    const brief = ({ prompt, target }: Sequence) =>
      prompt.length <= room &&
      (prompt.length > turn || prompt.length + target.length <= turn) &&
      target.length - 1 <= maxNewTokens &&
      target.findIndex((token) => ends.includes(token)) === target.length - 1
    const likely = [...sequences.keys()].filter((i) => brief(sequences[i]!))
    const batches = batchesOf(
      likely.map((i) => sequences[i]!),
      tokenizer.pad,
      batchTokens,
      model,
    )
    const matches = await greedyMatches(model, weights, batches, likely.length)
    likely.forEach((item, i) => matches[i] && known.add(item))
  }
  const open = [...items.keys()].filter((i) => !known.has(i))
  const prompts = open.map((i) => sequences[i]!.prompt.slice(-room))
  const textOf = (ids: readonly number[]) =>
    cutAtStop(tokenizer.decode(ids.length && ids.at(-1) === tokenizer.eos ? ids.slice(0, -1) : ids), stops)
  const texts = task.stop ?? []
  const stopped = texts.length
    ? (ids: readonly number[]) => ((text) => texts.some((stop) => text.includes(stop)))(tokenizer.decode(ids))
    : undefined
  const made = await generate(model, weights, prompts, { maxNewTokens, ends, stopped, steer, start })
  const answers = sequences.map(({ target }) => textOf(target))
  open.forEach((item, i) => (answers[item] = textOf(made[i]!)))
  return answers
}
