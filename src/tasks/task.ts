// What a task is: items of text (or images), how a model is asked for its answer, a metric, a version.
import type { Crop } from './images/pixels.js'

/** One of the texts that a model chooses from by their likelihood. */
export interface Choice {
  /** What stands before it; the item's prompt, unless the choices differ in their prompts. */
  prompt: string
  /** Without the delimiter that stands between prompt and choice. */
  text: string
}

export interface Item {
  id: string
  prompt: string
  /** What the prompt begins with, before examples and question, where the card says something there. */
  preamble?: string
  /** What the model should answer, without the end-of-text token; '' where there is no reference answer. */
  target: string
  /** Further fields of the data that a metric may read (e.g. the tests of a program). */
  fields: Record<string, unknown>
  choices?: Choice[]
  /** Indices of the right choices. */
  right?: number[]
  /** Classification: second text of a pair, class index (or value), path of the image. */
  pair?: string
  label?: number | undefined
  image?: string
  /** Part of the image: left, top, width, height in pixels. */
  crop?: Crop
}

/**
 * `choices`: the choice of the highest log-likelihood; `classify`: a class or a value from an encoder's head; `images`: the
 * class of an image. A task without a kind is answered by generated text.
 */
export type Kind = 'choices' | 'classify' | 'images'

/** Items with reference answers, and how they are scored. */
export interface Task {
  name: string
  version: number
  description: string
  kind?: Kind | undefined
  /** Name of the score in `metrics`. */
  metric: string
  /** Further scores that are reported beside it. */
  others?: string[]
  /** Between prompt and answer; part of the answer where it is scored. Default: nothing. */
  delimiter?: string
  /** The prompts are chats, with all special tokens in their text. */
  chat?: true
  /** Longest answer generated, in tokens; 0 where nothing is generated. */
  maxNewTokens: number
  /** Texts that end an answer; they are not part of it. */
  stop?: string[]
  /** Ways to take the answer out of the text, by name; the first one's score is the task's. */
  filters?: Record<string, FilterStep[]>
  ignore?: Ignored
  /** Names of the classes of images. */
  classes?: string[]
  /** Jinja templates over `class`, for zero-shot models; and what a model's text tower makes of them: unit length [classes, features]. */
  templates?: string[] | undefined
  features?: Float32Array
  items: Item[]
}

/** Keeps one match of a regular expression: that at index `take`, from the end when negative; `fallback` where there is none. */
export interface FilterStep {
  regex: string
  take: number
  fallback: string
}

/** What exact_match does not look at, in answer and target. */
export interface Ignored {
  case?: boolean | undefined
  punctuation?: boolean | undefined
  /** Removed one after the other. */
  regexes?: string[] | undefined
}

/** Scores one generated answer against its item: 1 right, 0 wrong (or a value between). */
export interface Metric {
  name: string
  description: string
  /** True when an answer equal to the target always scores 1, so that a teacher-forced match needs no generation. */
  exactImpliesRight: boolean
  /** True when the answer is read as going on where the prompt ends. */
  completes?: boolean
  /** True when it runs the answer as a program, which is done only when asked for. */
  runsCode?: boolean
  /** The weight of an item in the mean; 1 unless given. */
  weight?(item: Item): number
  score(answer: string, item: Item, task?: Pick<Task, 'ignore'>): number | Promise<number>
}
