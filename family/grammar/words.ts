// The words of the grammar. A concept has one word or two that mean the same; opposites and kinds are what entailment needs.

/** Singular and plural of each word of a concept. */
export interface Noun {
  kind: string
  words: [string, string][]
}

const plural = (word: string) => (/(s|x|[cs]h)$/.test(word) ? `${word}es` : `${word}s`)
const nouns = (kind: string, concepts: string): Noun[] =>
  concepts
    .split(' ')
    .map((concept) => ({ kind, words: concept.split('/').map((word): [string, string] => [word, plural(word)]) }))

export const NOUNS: readonly Noun[] = [
  ...nouns('animal', 'dog/hound cat horse/steed cow bird'),
  ...nouns('person', 'boy/lad girl teacher/tutor doctor/physician farmer'),
  ...nouns('vehicle', 'car/auto bus truck/lorry bike boat/ship'),
  ...nouns('plant', 'tree rose bush/shrub fern vine'),
  ...nouns('tool', 'hammer saw spade/shovel rake drill'),
]

/** Words of the kinds themselves, which stand for any noun of theirs. */
export const KINDS: Readonly<Record<string, [string, string]>> = Object.fromEntries(
  [...new Set(NOUNS.map(({ kind }) => kind))].map((kind) => [kind, [kind, plural(kind)]]),
)

/** Base, third person and participle of each word of a concept. */
export const VERBS: readonly (readonly [string, string, string][])[] = [
  'see sees seen/spot spots spotted',
  'like likes liked/enjoy enjoys enjoyed',
  'chase chases chased/hunt hunts hunted',
  'find finds found/discover discovers discovered',
  'help helps helped/aid aids aided',
  'pull pulls pulled/drag drags dragged',
  'watch watches watched',
  'hide hides hidden/conceal conceals concealed',
].map((concept) => concept.split('/').map((word) => word.split(' ') as [string, string, string]))

/** Adjectives in pairs of opposites: 2i and 2i + 1 exclude each other. */
export const ADJECTIVES: readonly (readonly string[])[] = [
  'big/large',
  'small/little',
  'fast/quick',
  'slow/sluggish',
  'young/youthful',
  'old/aged',
  'clean/tidy',
  'dirty/filthy',
  'loud/noisy',
  'quiet/silent',
].map((concept) => concept.split('/'))

export const oppositeOf = (adjective: number) => adjective ^ 1

export const PLACES =
  'in the park/in the garden/near the river/near the road/behind the house/behind the barn/on the hill/at the lake'.split(
    '/',
  )
export const TIMES = 'today/tonight/every day/at noon/in spring/at dawn'.split('/')

/** Determiners of one thing and of several. */
export const DETERMINERS: readonly [readonly string[], readonly string[]] = [
  ['the', 'this', 'that', 'one'],
  ['the', 'these', 'those', 'some', 'two'],
]

/** What is reviewed, and how. */
export const WORKS = 'film book song play show story'.split(' ')
export const PRAISE = 'great superb lovely brilliant charming funny clever'.split(' ')
export const BLAME = 'awful dull poor boring terrible weak silly'.split(' ')
export const DEGREES = ['very', 'really', 'quite']
