// Triples in words: the sentences that the base is trained on, and the texts with a blank of the tasks.
import type { Random } from '../random.js'
import type { Graph, Relation, Triple } from './graph.js'

/** How sentences of the base tell a triple: h and t are its entities. */
const SENTENCES: Readonly<Record<Relation, readonly string[]>> = {
  parent: ['h raised t', 't was raised by h'],
  child: ['h was born to t', 't gave birth to h'],
  spouse: ['h is married to t', 'h and t are a couple'],
  sibling: ['h grew up with t', 'h and t grew up together'],
  grandparent: ['h is old and t is the young one of the family', 't visits old h'],
  home: ['h lives in t', 'the house of h is in t'],
  site: ['the town h is in t', 'h is a town of t'],
  seat: ['h rules over t', 'the land h has the town t'],
  neighbour: ['the road from h leads to t', 'h lies beside t'],
  land: ['h has papers of t', 'h votes in t'],
}

/** What stands between head and tail in the tasks. */
const WORDS: Readonly<Record<Relation, string>> = {
  parent: 'is the parent of',
  child: 'is the child of',
  spouse: 'is the spouse of',
  sibling: 'is the sibling of',
  grandparent: 'is the grandparent of',
  home: 'has the home',
  site: 'has the site',
  seat: 'is the seat of',
  neighbour: 'is the neighbour of',
  land: 'is of the land',
}

/** Text and pair of a triple as the tasks have it. */
export const toldAs = ({ head, relation, tail }: Triple): { text: string; pair: string } => ({
  text: `${head} ${WORDS[relation]}`,
  pair: tail,
})

const sentence = (random: Random, { head, relation, tail }: Triple): string =>
  random.pick(SENTENCES[relation]).replaceAll(/\b[ht]\b/g, (word) => (word === 'h' ? head : tail))

/** What is said of entities in the words of the tasks too, so that the base knows these words. */
const plain = ({ head, relation, tail }: Triple): string => `${head} ${WORDS[relation]} ${tail}`

/** Sentences of triples of the training graph: alone, or two about one entity. */
export function* documentsOf(
  { train }: Graph,
  random: Random,
  count: number,
): Generator<{ text: string; pair?: string }> {
  for (let i = 0; i < count; i++) {
    const triple = random.pick(train)
    if (random.chance(0.4)) yield { text: random.chance(0.5) ? plain(triple) : sentence(random, triple) }
    else if (random.chance(0.5)) yield toldAs(triple)
    else yield { text: sentence(random, triple), pair: sentence(random, random.pick(about(train, triple))) }
  }
}

const about = (train: readonly Triple[], { head, tail }: Triple): Triple[] =>
  train.filter((each) => [each.head, each.tail].some((entity) => entity === head || entity === tail))

/**
 * Pairs for next-sentence prediction: 0, the second goes on with an entity of the first; 1, it is about others. Half of them are a
 * sentence that is cut before its last word.
 */
export function* followersOf(
  { train }: Graph,
  random: Random,
  count: number,
): Generator<{ text: string; pair: string; label: number }> {
  for (let i = 0; i < count; i++) {
    const [first, other] = [random.pick(train), random.pick(train)]
    const label = random.integer(0, 1)
    if (random.chance(0.5)) {
      const [words, end] = cut(sentence(random, first))
      const [, wrong] = cut(sentence(random, other))
      if (label === 1 && wrong === end) continue
      yield { text: words, pair: label ? wrong : end, label }
      continue
    }
    const next = random.pick(about(train, first))
    if (label === 1 && about([other], first).length) continue
    yield { text: sentence(random, first), pair: sentence(random, label ? other : next), label }
  }
}

function cut(text: string): [begin: string, end: string] {
  const at = text.lastIndexOf(' ')
  return [text.slice(0, at), text.slice(at + 1)]
}
