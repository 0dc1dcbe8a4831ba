// A sentence as its meaning (who does what to whom, where and when) and the ways to say it.
import type { Random } from '../random.js'
import { ADJECTIVES, DETERMINERS, KINDS, NOUNS, PLACES, TIMES, VERBS } from './words.js'

/** Somebody or something: a noun by its index, or any of a kind. */
export interface Party {
  noun: number | string
  many: boolean
  determiner: string
  adjective: number | null
}

export interface Meaning {
  subject: Party
  verb: number
  object: Party
  negated: boolean
  place: number | null
  time: number | null
}

const indexOf = (random: Random, list: readonly unknown[]) => random.integer(0, list.length - 1)
const maybe = <T>(random: Random, probability: number, draw: () => T): T | null =>
  random.chance(probability) ? draw() : null

export const drawAdjective = (random: Random) => indexOf(random, ADJECTIVES)
export const drawPlace = (random: Random) => indexOf(random, PLACES)
export const drawTime = (random: Random) => indexOf(random, TIMES)
const drawVerb = (random: Random) => indexOf(random, VERBS)

/** Another index than these. */
export function drawOther(random: Random, list: readonly unknown[], ...not: unknown[]): number {
  for (;;) {
    const index = indexOf(random, list)
    if (!not.includes(index)) return index
  }
}

function drawParty(random: Random, not: number | null): Party {
  const many = random.chance(0.5)
  return {
    noun: drawOther(random, NOUNS, not),
    many,
    determiner: random.pick(DETERMINERS[Number(many)]!),
    adjective: maybe(random, 0.5, () => drawAdjective(random)),
  }
}

export function drawMeaning(random: Random): Meaning {
  const subject = drawParty(random, null)
  return {
    subject,
    verb: drawVerb(random),
    object: drawParty(random, subject.noun as number),
    negated: false,
    place: maybe(random, 0.4, () => drawPlace(random)),
    time: maybe(random, 0.4, () => drawTime(random)),
  }
}

/** How a meaning is said. */
export interface Manner {
  passive: boolean
  /** The time comes first. */
  early: boolean
}

/** A party's words; which word of a concept is drawn. */
function sayParty(random: Random, { noun, many, determiner, adjective }: Party): string[] {
  const forms = typeof noun === 'string' ? KINDS[noun]! : random.pick(NOUNS[noun]!.words)
  return [determiner, ...(adjective === null ? [] : [random.pick(ADJECTIVES[adjective]!)]), forms[Number(many)]!]
}

/** `this dog chases some cats near the river` in words, without a full stop. */
export function sayWords(random: Random, meaning: Meaning, { passive, early }: Manner): string[] {
  const { negated, place, time } = meaning
  const [base, third, participle] = random.pick(VERBS[meaning.verb]!)
  const [first, last] = [sayParty(random, meaning.subject), sayParty(random, meaning.object)]
  const not = negated ? ['not'] : []
  const active = negated ? [meaning.subject.many ? 'do' : 'does', 'not', base] : [meaning.subject.many ? base : third]
  const core = passive
    ? [...last, meaning.object.many ? 'are' : 'is', ...not, participle, 'by', ...first]
    : [...first, ...active, ...last]
  const where = place === null ? [] : PLACES[place]!.split(' ')
  const when = time === null ? [] : TIMES[time]!.split(' ')
  return early && when.length ? [...when, ',', ...core, ...where] : [...core, ...where, ...when]
}

export const drawManner = (random: Random): Manner => ({ passive: random.chance(0.3), early: random.chance(0.4) })

/** A meaning in words of its own. */
export const say = (random: Random, meaning: Meaning): string =>
  `${sayWords(random, meaning, drawManner(random)).join(' ')} .`
