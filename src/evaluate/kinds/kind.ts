// What a model does with tasks of one kind.
import type { Batch, Model } from '../../models/index.js'
import type { Task } from '../../tasks/index.js'
import type { Reach, Subject } from '../options.js'
import type { Reader } from '../reader.js'
import type { Scores } from '../scores.js'

/** What a model makes of an item: its answer, its class or value, or the log-likelihoods of the choices. */
export type Reply = string | number | number[]

/** Everything is done on all items of the task that is given. */
export interface KindMethods<T extends Task, R extends Reply> {
  /** True where the model needs a head of classes or values; else it must generate text. */
  readonly classifies: boolean

  /** True where a model that fills in masked tokens does it too. */
  readonly masks?: true

  /** The task as the model takes it, before items are counted, with `most` items at least if it has them. @throws UserError as checkModel */
  fit?(task: T, reader: Reader, reach: Reach, most?: number): Promise<T>

  /** The batches that the loss is measured on. @throws UserError for items without an answer, or without room for it */
  encode(task: T, reader: Reader, reach: Reach, batchTokens: number): Promise<Batch[]>

  /** The items without their answers. */
  encodePrompts(task: T, reader: Reader, model: Model, batchTokens: number): Promise<Batch[]>

  /** @param batchTokens padded tokens of one batch, where the kind makes batches of text */
  reply(subject: Subject, task: T, batchTokens?: number): Promise<R[]>

  /** What a person should know of the items, one sentence each. */
  notes?(task: T, reach: Reach): string[]

  /** The replies, where they are the sums of the losses of the items. */
  repliesOf?(task: T, loss: { itemSums: ArrayLike<number>; itemTokens: ArrayLike<number> }): R[]

  score(task: T, replies: readonly R[]): Scores | Promise<Scores>

  /** @throws UserError for a task that this model cannot do */
  checkModel?(task: T, model: Model): void

  /** @throws UserError for what an item asks for and the model cannot give, before anything is computed */
  checkItems(task: T, reader: Reader, reach: Reach): Promise<void>

  /** The task with its prompts in a chat; without it the kind is not asked in a chat. */
  inChat?(task: T, ask: AskInChat): T
}

/** An item's prompt as a chat: what stands after the preamble is asked by the user. */
type AskInChat = (prompt: string, preamble: string | undefined) => string
