// Generated answers to a task's prompts.
import { UserError } from '../errors/index.js'
import type { Model, Sequence } from '../models/index.js'
import { answerMetric, cutAtStop, type GenerateTask, replyMetrics, sequencesOf } from '../tasks/index.js'
import { generate } from './generate.js'
import { endsOf } from './generation_config.js'
import type { Subject } from './options.js'
import type { TextReader } from './reader.js'
import { steerBy } from './steering.js'

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

/** Greedy answers to all items, cut at the task's stops. */
export async function answerAll(
  { model, weights, reader: tokenizer }: Subject & { reader: TextReader },
  task: GenerateTask,
): Promise<string[]> {
  checkGeneration(task, tokenizer)
  const { items } = task
  const { stops, ends, steer, maxNewTokens, room, start } = await planGeneration(task, tokenizer, model)
  const sequences = await sequencesOf(
    items.map(({ prompt, target }) => ({ prompt, target: (task.delimiter ?? '') + target })),
    tokenizer,
  )
  // The target of an item that is answered right is the answer, where no other is right.
  const [scored] = replyMetrics(task)
  const guesses = scored !== undefined && answerMetric(task, scored).exactImpliesRight && !task.stop && !steer
  const { turn = Infinity } = model
  const mayBe = ({ prompt, target }: Sequence): boolean =>
    prompt.length <= room &&
    (prompt.length > turn || prompt.length + target.length <= turn) &&
    target.length <= maxNewTokens &&
    target.findIndex((token) => ends.includes(token)) === target.length - 1
  const drafts = guesses ? sequences.map((each) => (mayBe(each) ? each.target : undefined)) : undefined
  const prompts = sequences.map(({ prompt }) => prompt.slice(-room))
  const textOf = (ids: readonly number[]) =>
    cutAtStop(tokenizer.decode(ids.length && ids.at(-1) === tokenizer.eos ? ids.slice(0, -1) : ids), stops)
  const texts = task.stop ?? []
  const stopped = texts.length
    ? (ids: readonly number[]) => ((text) => texts.some((stop) => text.includes(stop)))(tokenizer.decode(ids))
    : undefined
  const made = await generate(model, weights, prompts, { maxNewTokens, ends, stopped, steer, start, drafts })
  return made.map(textOf)
}
