// Which choice a model takes, from the log-likelihoods of all of them: the conventions of lm-evaluation-harness.

/** One of the texts that a model chooses from by their likelihood. */
interface Choice {
  /** What stands before it; the item's prompt, unless the choices differ in their prompts. */
  prompt: string
  /** Without the delimiter that stands between prompt and choice. */
  text: string
}

/** An item with answers to choose from. */
export interface ChoiceItem {
  /** Answers to choose from. */
  choices: Choice[]
  /** Indices of the right choices. */
  right: number[]
}

/** Scores one item by the likelihoods of its choices. */
export interface ChoiceMetric {
  /** Name in task cards and tables. */
  name: string
  /** One line for `deltalab tasks`. */
  description: string
  /** From the summed log-likelihood of each choice, in nats: 1 right, 0 wrong, or a value between. */
  score(likelihoods: readonly number[], item: ChoiceItem): number
}

/** Index of the largest; the first of equals. */
export function largestIndex(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0)
}

const isRight = (chosen: number, item: ChoiceItem) => Number(item.right.includes(chosen))
const lengths = (item: ChoiceItem, measure: (text: string) => number) =>
  item.choices.map(({ text }) => Math.max(1, measure(text)))

const acc_norm: ChoiceMetric = {
  name: 'acc_norm',
  description: 'share of items whose right choice has the highest log-likelihood per character',
  score(likelihoods, item) {
    const size = lengths(item, (text) => [...text].length)
    return isRight(largestIndex(likelihoods.map((value, i) => value / size[i]!)), item)
  },
}

const acc_bytes: ChoiceMetric = {
  name: 'acc_bytes',
  description: 'share of items whose right choice has the highest log-likelihood per byte of UTF-8',
  score(likelihoods, item) {
    const size = lengths(item, (text) => Buffer.byteLength(text))
    return isRight(largestIndex(likelihoods.map((value, i) => value / size[i]!)), item)
  },
}

/** Lin et al. 2022 (arXiv 2109.07958): several choices are right. */
const mc2: ChoiceMetric = {
  name: 'mc2',
  description: 'probability of the right choices together, of that of all choices',
  score(likelihoods, item) {
    const top = Math.max(...likelihoods)
    const weights = likelihoods.map((value) => Math.exp(value - top))
    const right = item.right.reduce((sum, i) => sum + weights[i]!, 0)
    return right / weights.reduce((sum, weight) => sum + weight, 0)
  },
}

export const CHOICE_METRICS = { acc_norm, acc_bytes, mc2 } as const satisfies Record<string, ChoiceMetric>
