// A task's items as token sequences, and as the batches that a model's loss is measured on.
import { UserError } from '../errors/index.js'
import type { Model } from '../models/index.js'
import { batchesOf, continuationsOf, fitSequence, type Sequence, sequencesOf } from '../tasks/sequences/sequence.js'
import type { Item, Task } from '../tasks/task.js'
import type { Batch } from '../tensor/index.js'
import type { Tokenizer } from '../tokenizer/index.js'
import { classBatches } from './classes.js'
import { imageBatches } from './images.js'
import { imagesFor, type Reader, textFor } from './reader.js'

export interface EncodeOptions {
  /** The first so many items; all by default. */
  items?: number | undefined
  /** Padded tokens of one batch. */
  batchTokens?: number | undefined
}

/** What is needed of a model to make batches for it. */
export type Reach = Pick<Model, 'positions' | 'objective' | 'vocabulary'>

/**
 * Right-padded batches. Generated answers: prompt + target + end-of-text, labels on target and end-of-text only. Choices: the
 * right one, without end-of-text. Classes: the text or pair with its class or value. Images: as they are, with their class.
 * A prompt is cut from the left where prompt and answer are more than the model's positions.
 * @throws UserError for a task without reference answers, an answer that has no room, and a model that reads something else
 */
export async function encodeItems(
  task: Task,
  reader: Reader,
  reach: Reach,
  { items, batchTokens = 4096 }: EncodeOptions = {},
): Promise<Batch[]> {
  const chosen = task.items.slice(0, items)
  if (task.kind === 'images')
    return imageBatches(chosen, imagesFor(reader, task), { features: task.features, batchTokens })
  const tokenizer = textFor(reader, task, reach)
  if (task.kind === 'classify') return classBatches(chosen, tokenizer, batchTokens)
  const silent = chosen.find(({ target }) => target === '')
  if (silent)
    throw new UserError(`task ${task.name} has no reference answers (item ${silent.id}), so there is no loss on it`)
  const sequences = await sequencesFor(task, chosen, tokenizer)
  const fitted = sequences.map((each, i) =>
    fitAnswer(each, reach, () => `task ${task.name}, item ${chosen[i]!.id}: the answer`),
  )
  return batchesOf(fitted, tokenizer.pad, batchTokens, reach.positions)
}

function sequencesFor(
  { kind, delimiter = '' }: Task,
  items: readonly Item[],
  tokenizer: Tokenizer,
): Promise<Sequence[]> {
  if (kind === 'choices')
    return continuationsOf(
      items.map(({ prompt, target }) => ({ context: prompt, text: delimiter + target })),
      tokenizer,
    )
  return sequencesOf(
    items.map(({ prompt, target }) => ({ prompt, target: delimiter + target })),
    tokenizer,
  )
}

/** As fitSequence. @throws UserError for an answer of no token (its likelihood would be 1), or of more than the positions */
function fitAnswer(sequence: Sequence, { positions, objective }: Reach, what: () => string): Sequence {
  const { length } = sequence.target
  if (length === 0) throw new UserError(`${what()} adds no token to the prompt, so that nothing of it can be scored`)
  if (length > positions) throw new UserError(`${what()} has ${length} tokens, and the model ${positions} positions`)
  // A masked model reads every token that it is asked for.
  return fitSequence(sequence, objective === 'masked' ? positions - 1 : positions)
}

/** The choices of the items, each after its prompt. @throws UserError by item and choice, as encodeItems */
export async function encodeChoices(
  { name, items, delimiter = '' }: Task,
  tokenizer: Tokenizer,
  reach: Reach,
): Promise<Sequence[][]> {
  const all = items.flatMap(({ id, choices }) =>
    choices!.map(({ prompt, text }, i) => ({
      context: prompt,
      text: delimiter + text,
      what: () => `task ${name}, item ${id}: choice ${i + 1}, ${JSON.stringify(text)},`,
    })),
  )
  const sequences = (await continuationsOf(all, tokenizer)).map((each, i) => fitAnswer(each, reach, all[i]!.what))
  let at = 0
  return items.map(({ choices }) => choices!.map(() => sequences[at++]!))
}
