// Answers that fit a model: prompts are cut, answers are not.

import { UserError } from '../errors/index.js'
import { type Batch, batchesOf, fitSequence, type Model, type Sequence } from '../models/index.js'
import type { ChoiceTask, Encoder, GenerateTask, Task } from '../tasks/index.js'
import type { Reach } from './options.js'
import { type Reader, textFor } from './reader.js'

/**
 * The sequence with its prompt cut from the left, where prompt and answer are more than the model's positions; for an encoder the
 * prompt alone.
 * @param what the answer, as errors name it
 * @throws UserError for an answer of no token (its likelihood would be 1), or of more than the positions
 */
export function fitAnswer(sequence: Sequence, { positions, objective, start }: Reach, what: () => string): Sequence {
  const { length } = sequence.target
  if (length === 0) throw new UserError(`${what()} adds no token to the prompt, so that nothing of it can be scored`)
  if (length > positions) throw new UserError(`${what()} has ${length} tokens, and the model ${positions} positions`)
  // A masked model reads every token that it is asked for.
  return fitSequence(sequence, { positions: objective === 'masked' ? positions - 1 : positions, start })
}

/** The sequences of a task's items, each as `fitAnswer` says. */
export const fitAnswers = (
  sequences: readonly Sequence[],
  { name, items }: Pick<Task, 'name'> & { items: readonly { id: string }[] },
  reach: Reach,
): Sequence[] =>
  sequences.map((each, i) => fitAnswer(each, reach, () => `task ${name}, item ${items[i]!.id}: the answer`))

/**
 * Prompts without answers; an empty prompt is the end-of-text token, so that there is something to look at.
 * @throws UserError for an empty prompt, where the tokenizer has no such token
 */
async function promptsOf(
  items: readonly { prompt: string }[],
  { encode, eos, bos }: Encoder,
  { positions }: Pick<Reach, 'positions'>,
): Promise<Sequence[]> {
  const prompts = await encode(
    items.map(({ prompt }) => prompt),
    { special: true },
  )
  const first = eos ?? bos
  return prompts.map((ids) => {
    if (ids.length) return { prompt: ids.slice(-positions), target: [] }
    if (first === undefined) throw new UserError('a prompt is empty, and the tokenizer has no end-of-text token')
    return { prompt: [first], target: [] }
  })
}

/** Batches of the items of a task without their answers. */
export async function promptBatches(
  task: GenerateTask | ChoiceTask,
  reader: Reader,
  model: Model,
  batchTokens: number,
): Promise<Batch[]> {
  const tokenizer = textFor(reader, task, model)
  return batchesOf(await promptsOf(task.items, tokenizer, model), tokenizer.pad, batchTokens, { start: model.start })
}
