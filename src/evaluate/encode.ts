// A task's items as the batches that a model's loss is measured on.
import { UserError } from '../errors/index.js'
import { continuationsOf, sequencesOf, batchesOf, type Sequence } from '../tasks/sequence.js'
import type { Item, Task } from '../tasks/task.js'
import type { Batch } from '../tensor/index.js'
import type { Tokenizer } from '../tokenizer/index.js'
import { classBatches } from './classes.js'
import { imageBatches } from './images.js'
import { imagesFor, textFor, type Reader } from './reader.js'

export interface EncodeOptions {
  /** The first so many items; all by default. */
  items?: number
  /** Padded tokens of one batch. */
  batchTokens?: number
}

/**
 * Right-padded batches. Generated answers: prompt + target + end-of-text, labels on target and end-of-text only. Choices: the
 * right one, without end-of-text. Classes: the text or pair with its class or value. Images: as they are, with their class.
 * @throws UserError for a task without reference answers, and for a model that reads something else
 */
export async function encodeItems(task: Task, reader: Reader, { items, batchTokens = 4096 }: EncodeOptions = {}): Promise<Batch[]> {
  const chosen = task.items.slice(0, items)
  if (task.kind === 'images') return imageBatches(chosen, imagesFor(reader, task), { features: task.features, batchTokens })
  const tokenizer = textFor(reader, task)
  if (task.kind === 'classify') return classBatches(chosen, tokenizer, batchTokens)
  const silent = chosen.find(({ target }) => target === '')
  if (silent) throw new UserError(`task ${task.name} has no reference answers (item ${silent.id}), so there is no loss on it`)
  return batchesOf(await sequencesFor(task, chosen, tokenizer), tokenizer.pad, batchTokens)
}

function sequencesFor({ kind, delimiter = '' }: Task, items: readonly Item[], tokenizer: Tokenizer): Promise<Sequence[]> {
  if (kind === 'choices') return continuationsOf(items.map(({ prompt, target }) => ({ context: prompt, text: delimiter + target })), tokenizer)
  return sequencesOf(items.map(({ prompt, target }) => ({ prompt, target: delimiter + target })), tokenizer)
}
