// Scores of texts from the log-likelihood of their tokens. Each is of all texts together.

export interface TextMetric {
  /** Name in task cards and tables. */
  name: string
  /** One line for `deltalab tasks`. */
  description: string
  /** What the log-likelihood is divided by. */
  per: 'tokens' | 'words' | 'bytes'
  /** Of the quotient, in nats. */
  score(nats: number): number
}

const per = (name: string, unit: TextMetric['per'], description: string): TextMetric => ({
  name,
  description,
  per: unit,
  score: Math.exp,
})

const bitsPerByte: TextMetric = {
  name: 'bits_per_byte',
  description: 'bits of information per byte of the texts: −log2 p / bytes; lower is better',
  per: 'bytes',
  score: (nats) => nats / Math.LN2,
}

/** Metrics of texts, by name. Those of words and bytes are those of lm-evaluation-harness. */
export const TEXT_METRICS: Readonly<Record<string, TextMetric>> = Object.fromEntries(
  [
    per('perplexity', 'tokens', 'exp of the mean of −ln p over the scored tokens; lower is better'),
    per(
      'pseudo_perplexity',
      'tokens',
      'perplexity of a model for masked tokens: each token is masked by itself (arXiv 1910.14659); lower is better',
    ),
    per('word_perplexity', 'words', 'exp of −ln p of the texts per word; lower is better'),
    per('byte_perplexity', 'bytes', 'exp of −ln p of the texts per byte; lower is better'),
    bitsPerByte,
  ].map((metric) => [metric.name, metric]),
)

/** Words as lm-evaluation-harness counts them: what `re.split(r"\s+", text)` gives, with an empty one at an end that is a space. */
export const wordCount = (text: string): number => text.split(SPACES).length

/** `\s` of Python's `re`: unlike JavaScript's, it has the separators U+001C to U+001F and U+0085, and not U+FEFF. */
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/
