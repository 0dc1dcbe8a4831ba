// The pre-training text of the miniature family: a weighted mixture of generated documents.
import { chain, code, counting, misc, numberStory, story, wordList } from './documents.js'
import { type Random, randomFrom } from './random.js'

export interface Kind {
  name: string
  /** Share of the documents; the weights add up to 1. */
  weight: number
  write(random: Random): string
}

export const MIXTURE: readonly Kind[] = [
  { name: 'counting', weight: 0.04, write: counting },
  { name: 'chain', weight: 0.14, write: chain },
  { name: 'number story', weight: 0.2, write: numberStory },
  { name: 'story', weight: 0.06, write: story },
  { name: 'misc', weight: 0.06, write: misc },
  { name: 'word list', weight: 0.32, write: wordList },
  { name: 'code', weight: 0.18, write: code },
]

/** `documents` texts with the kind of each; the same seed with more documents begins with the same ones. */
export function* labelledCorpus(options: {
  documents: number
  seed: number
}): Generator<{ kind: string; text: string }> {
  const random = randomFrom('corpus', options.seed)
  for (let index = 0; index < options.documents; index++) {
    const kind = pickKind(random.uniform())
    yield { kind: kind.name, text: kind.write(random) }
  }
}

/** The texts alone. Documents hold single newlines and never the end-of-text token; the trainer joins them with it. */
export function* corpus(options: { documents: number; seed: number }): Generator<string> {
  for (const { text } of labelledCorpus(options)) yield text
}

function pickKind(uniform: number): Kind {
  let left = uniform
  for (const kind of MIXTURE) {
    left -= kind.weight
    if (left < 0) return kind
  }
  return MIXTURE[MIXTURE.length - 1]! // the weights' float sum may fall an ulp short of 1
}
