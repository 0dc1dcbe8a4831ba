// What a metric of generated answers is.
import type { ItemBase } from '../base.js'
import type { Ignored } from './filters.js'

/** Scores one generated answer against its item. */
export interface AnswerMetric {
  /** Name in task cards and tables. */
  name: string
  /** One line for `deltalab tasks`. */
  description: string
  /** True when an answer equal to the target always scores 1, so that a target which is the greedy answer is not generated. */
  exactImpliesRight?: boolean
  /** True when the answer is read as the continuation of the prompt, which a chat cannot give. */
  completes?: boolean
  /** True when the answer is run as a program, which a person has to allow. */
  runsCode?: boolean
  /** The weight of an item in the mean; 1 unless given. */
  weight?(item: ItemBase): number
  /** Looks at an item before work starts. @throws UserError for one that it cannot score */
  check?(item: ItemBase): void
  /** 1 right, 0 wrong, or a value between. */
  score(answer: string, item: ItemBase, task?: { ignore?: Ignored }): number | Promise<number>
}
