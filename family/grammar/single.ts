// Tasks of one text: whether it is a sentence, and whether a review is kind.
import type { Random } from '../random.js'
import type { Told } from './relations.js'
import { drawManner, drawMeaning, sayWords } from './sentence.js'
import { BLAME, DEGREES, DETERMINERS, PRAISE, VERBS, WORKS } from './words.js'

const [SINGULAR, PLURAL] = [
  ['this', 'that', 'one'],
  ['these', 'those', 'some', 'two'],
]

/** Ways to spoil a sentence; null where one does not apply. */
const SPOILERS: readonly ((random: Random, words: string[]) => string[] | null)[] = [
  // The verb disagrees with its subject.
  (_, words) => {
    const swaps = new Map<string, string>([
      ['is', 'are'],
      ['are', 'is'],
      ['do', 'does'],
      ['does', 'do'],
    ])
    for (const [base, third] of VERBS.flat()) swaps.set(base, third).set(third, base)
    const at = words.findIndex((word) => swaps.has(word))
    return at < 0 ? null : words.with(at, swaps.get(words[at]!)!)
  },
  // The determiner disagrees with its noun.
  (random, words) => {
    const at = words.findIndex((word) => SINGULAR.includes(word) || PLURAL.includes(word))
    return at < 0 ? null : words.with(at, random.pick(SINGULAR.includes(words[at]!) ? PLURAL : SINGULAR))
  },
  // A determiner stands behind its noun.
  (_, words) => {
    const at = words.findIndex((word) => DETERMINERS.flat().includes(word))
    return words.with(at, words[at + 1]!).with(at + 1, words[at]!)
  },
  // A word is missing: the determiner of the first noun, or what follows it.
  (random, words) => {
    const at = words.findIndex((word) => DETERMINERS.flat().includes(word))
    const verbs = new Set(VERBS.flat(2))
    const verb = words.findIndex((word) => verbs.has(word))
    return words.toSpliced(random.chance(0.5) ? at : verb, 1)
  },
]

/** 1 for a sentence, 0 for a spoiled one, as in CoLA. */
export function drawAcceptability(random: Random): Told {
  const words = sayWords(random, drawMeaning(random), drawManner(random))
  const label = random.integer(0, 1)
  const spoiled = () => {
    for (const spoil of random.sample(SPOILERS, SPOILERS.length)) {
      const made = spoil(random, words)
      if (made) return made
    }
    throw new Error('no way to spoil a sentence fits')
  }
  return { text: `${(label ? words : spoiled()).join(' ')} .`, label }
}

/** `the film was not very dull`, and whether that is kind. */
function judge(random: Random, work: string, kind: boolean): string {
  const negated = random.chance(0.4)
  const word = random.pick(kind !== negated ? PRAISE : BLAME)
  return [
    'the',
    work,
    'was',
    ...(negated ? ['not'] : []),
    ...(random.chance(0.4) ? [random.pick(DEGREES)] : []),
    word,
  ].join(' ')
}

/** A judgement, or two: what follows `but`, or does not follow `although`, counts. */
export function drawReview(random: Random): { text: string; kind: boolean } {
  const kind = random.chance(0.5)
  const [work, other] = random.sample(WORKS, 2)
  const main = judge(random, work!, kind)
  const form = random.integer(0, 3)
  if (form === 0) return { text: `${main} .`, kind }
  const side = judge(random, other!, random.chance(0.5))
  const texts = [`${side} , but ${main} .`, `although ${side} , ${main} .`, `${main} , although ${side} .`]
  return { text: texts[form - 1]!, kind }
}

/** 1 for a kind review, as in SST-2. */
export function drawSentiment(random: Random): Told {
  const { text, kind } = drawReview(random)
  return { text, label: Number(kind) }
}
