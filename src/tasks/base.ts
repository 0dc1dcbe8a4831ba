// What all kinds of items and tasks have. What each kind adds is in `kinds/`.

import { describeMetric } from '../naming/index.js'

/** What all items have. */
export interface ItemBase {
  /** Name of the item within its task. */
  id: string
  /** What is asked; '' for an image. */
  prompt: string
  /** What should be answered, without the end-of-text token; '' where there is no reference answer in words. */
  target: string
  /** Further columns of the data that a metric may read, such as the tests of a program. */
  fields: Record<string, unknown>
}

/** An item that is asked in words. */
export interface AskedItem extends ItemBase {
  /** The end of `prompt`, where it is a first answer that the model is to judge. */
  first?: string
  /** The beginning of `prompt`, before examples and question, where the card has a preamble. */
  preamble?: string
}

/** What all tasks have. */
export interface TaskBase {
  /** Name of the task. */
  name: string
  /** Raised when a change changes scores. */
  version: number
  /** One line for people. */
  description: string
  /** Name of the metric that gives the task's score. */
  metric: string
  /** Names of further metrics. */
  others?: string[]
  /** Between prompt and answer, and part of the answer where it is scored. Default: nothing. */
  delimiter?: string
  /** Longest generated answer, in tokens; 0 where nothing is generated. */
  maxNewTokens: number
}

/** A task that can be asked in a chat. */
export interface AskedTask extends TaskBase {
  /** The prompts are chats, with all special tokens in their text. */
  chat?: true
}

/** The metrics of a task that score what one model replies: those that compare it with the post-trained model are no such. */
export const replyMetrics = ({ metric, others = [] }: Pick<TaskBase, 'metric' | 'others'>): string[] =>
  [metric, ...others].filter((name) => !describeMetric(name).ofPost)

/** Its other metrics: those that compare a model with the post-trained one. */
export const postMetrics = ({ metric, others = [] }: Pick<TaskBase, 'metric' | 'others'>): string[] =>
  [metric, ...others].filter((name) => describeMetric(name).ofPost)
