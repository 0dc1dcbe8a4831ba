// What one sentence says about another: the same, less, something else, the opposite, or so many parts of it.
import type { Random } from '../random.js'
import {
  drawAdjective,
  drawMeaning,
  drawOther,
  drawPlace,
  drawTime,
  type Meaning,
  type Party,
  say,
} from './sentence.js'
import { ADJECTIVES, DETERMINERS, NOUNS, oppositeOf, PLACES, VERBS } from './words.js'

export interface Told {
  text: string
  pair?: string
  label: number
}

type Change = (random: Random, meaning: Meaning) => Meaning | null

/** The first of the changes, in random order, that can be made. */
function change(random: Random, meaning: Meaning, changes: readonly Change[]): Meaning {
  for (const each of random.sample(changes, changes.length)) {
    const made = each(random, meaning)
    if (made) return made
  }
  throw new Error('no change fits')
}

const withSubject = (meaning: Meaning, part: Partial<Party>): Meaning => ({
  ...meaning,
  subject: { ...meaning.subject, ...part },
})
const withObject = (meaning: Meaning, part: Partial<Party>): Meaning => ({
  ...meaning,
  object: { ...meaning.object, ...part },
})

/** What follows from a meaning: it says less. */
const WEAKER: readonly Change[] = [
  (_, m) => (m.subject.adjective === null ? null : withSubject(m, { adjective: null })),
  (_, m) => (m.object.adjective === null ? null : withObject(m, { adjective: null })),
  (_, m) => (m.place === null ? null : { ...m, place: null }),
  (_, m) => (m.time === null ? null : { ...m, time: null }),
  (_, m) => (typeof m.subject.noun === 'string' ? null : withSubject(m, { noun: NOUNS[m.subject.noun]!.kind })),
  (_, m) => (typeof m.object.noun === 'string' ? null : withObject(m, { noun: NOUNS[m.object.noun]!.kind })),
]

/** What a meaning leaves open: it says more, or something else. */
const OPEN: readonly Change[] = [
  (random, m) => (m.subject.adjective === null ? withSubject(m, { adjective: drawAdjective(random) }) : null),
  (random, m) => (m.object.adjective === null ? withObject(m, { adjective: drawAdjective(random) }) : null),
  (random, m) => (m.place === null ? { ...m, place: drawPlace(random) } : null),
  (random, m) => (m.time === null ? { ...m, time: drawTime(random) } : null),
  (random, m) => withObject(m, { noun: drawOther(random, NOUNS, m.object.noun, m.subject.noun) }),
]

/** What a meaning rules out. */
const OPPOSITE: readonly Change[] = [
  (_, m) => ({ ...m, negated: true }),
  (_, m) => ({ ...m, negated: true }),
  (_, m) => (m.subject.adjective === null ? null : withSubject(m, { adjective: oppositeOf(m.subject.adjective) })),
]

/** Close, but not the same. */
const NEAR: readonly Change[] = [
  (random, m) => withSubject(m, { noun: drawOther(random, NOUNS, m.subject.noun, m.object.noun) }),
  (random, m) => withObject(m, { noun: drawOther(random, NOUNS, m.subject.noun, m.object.noun) }),
  (random, m) => ({ ...m, verb: drawOther(random, VERBS, m.verb) }),
  (random, m) =>
    m.subject.adjective === null
      ? null
      : withSubject(m, { adjective: drawOther(random, ADJECTIVES, m.subject.adjective) }),
  (random, m) => (m.place === null ? null : { ...m, place: drawOther(random, PLACES, m.place) }),
  (_, m) => ({ ...m, subject: m.object, object: m.subject }),
]

/** Two meanings, and how they are related. */
export interface Related {
  first: Meaning
  second: Meaning
  label: number
}

/** 0 entailed, 1 left open, 2 contradicted, as in MNLI. */
export function drawEntailment(random: Random): Related {
  const first = drawMeaning(random)
  const label = random.integer(0, 2)
  const weaker = random.chance(0.5) || label === 0 ? change(random, first, WEAKER) : first
  const second = label === 0 ? weaker : label === 1 ? change(random, first, OPEN) : change(random, weaker, OPPOSITE)
  return { first, second, label }
}

/** 1 when both say the same, else 0, as in MRPC. */
export function drawParaphrase(random: Random): Related {
  const first = drawMeaning(random)
  const label = random.integer(0, 1)
  return { first, second: label ? first : change(random, first, NEAR), label }
}

/** How many of five parts agree (subject and its adjective, verb, object, place), 0 to 5, as in STS-B. */
export function drawSimilarity(random: Random): Related {
  const drawn = drawMeaning(random)
  const first: Meaning = {
    ...withSubject(drawn, { adjective: drawAdjective(random) }),
    object: { ...drawn.object, adjective: null },
    place: drawPlace(random),
    time: null,
  }
  const label = random.integer(0, 5)
  const kept = new Set(random.sample(['subject', 'adjective', 'verb', 'object', 'place'], label))
  const { subject, object } = first
  const other = (part: string, list: readonly unknown[], ...not: unknown[]) =>
    kept.has(part) ? (not[0] as number) : drawOther(random, list, ...not)
  const many = random.chance(0.5)
  const second: Meaning = {
    ...first,
    subject: {
      noun: other('subject', NOUNS, subject.noun, object.noun),
      many,
      determiner: random.pick(DETERMINERS[Number(many)]!),
      adjective: other('adjective', ADJECTIVES, subject.adjective),
    },
    verb: other('verb', VERBS, first.verb),
    object: { ...object, noun: other('object', NOUNS, object.noun, subject.noun) },
    place: other('place', PLACES, first.place),
  }
  return second.subject.noun === second.object.noun ? drawSimilarity(random) : { first, second, label }
}

/** Which of the five parts agree. */
export const agreements = ({ first, second }: Related): boolean[] => [
  first.subject.noun === second.subject.noun,
  first.subject.adjective === second.subject.adjective,
  first.verb === second.verb,
  first.object.noun === second.object.noun,
  first.place === second.place,
]

/** Both meanings in words, which are not the same words. */
export function tell(random: Random, { first, second, label }: Related): Required<Told> {
  const text = say(random, first)
  for (;;) {
    const pair = say(random, second)
    if (pair !== text) return { text, pair, label }
  }
}
