// A parser of the miniature grammar, written from its description and not from its generator: words → who does what to whom.

/** Concepts by their first word; '' where nothing is said. */
export interface Parsed {
  subject: string
  subjectMany: boolean
  subjectDeterminer: string
  subjectAdjective: string
  verb: string
  object: string
  objectMany: boolean
  objectDeterminer: string
  objectAdjective: string
  negated: boolean
  place: string
  time: string
}

const concepts = (text: string) =>
  new Map(
    text.split(' ').flatMap((concept) => concept.split('/').map((word) => [word, concept.split('/')[0]] as const)),
  )

const singulars = concepts(
  'dog/hound cat horse/steed cow bird boy/lad girl teacher/tutor doctor/physician farmer car/auto bus truck/lorry bike boat/ship ' +
    'tree rose bush/shrub fern vine hammer saw spade/shovel rake drill animal person vehicle plant tool',
)
const plurals = new Map(
  [...singulars].map(([word, concept]) => [
    /[sh]$/.test(word) && /(s|sh)$/.test(word) ? `${word}es` : `${word}s`,
    concept,
  ]),
)
const adjectives = concepts(
  'big/large small/little fast/quick slow/sluggish young/youthful old/aged clean/tidy dirty/filthy loud/noisy quiet/silent',
)
const bases = concepts('see/spot like/enjoy chase/hunt find/discover help/aid pull/drag watch hide/conceal')
const thirds = new Map([...bases].map(([word, concept]) => [word.endsWith('ch') ? `${word}es` : `${word}s`, concept]))
const irregular: Record<string, string> = {
  see: 'seen',
  spot: 'spotted',
  find: 'found',
  drag: 'dragged',
  hide: 'hidden',
}
const participles = new Map(
  [...bases].map(([word, concept]) => [irregular[word] ?? (word.endsWith('e') ? `${word}d` : `${word}ed`), concept]),
)
const places =
  'in the park/in the garden/near the river/near the road/behind the house/behind the barn/on the hill/at the lake'.split(
    '/',
  )
const times = 'today/tonight/every day/at noon/in spring/at dawn'.split('/')

interface Noun {
  noun: string
  many: boolean
  determiner: string
  adjective: string
}

/** What a sentence means; null for words that are no sentence. */
export function parse(text: string): Parsed | null {
  if (!text.endsWith(' .')) return null
  let words = text.slice(0, -2).split(' ')
  let time = ''
  const comma = words.indexOf(',')
  if (comma >= 0) {
    time = words.slice(0, comma).join(' ')
    if (!times.includes(time)) return null
    words = words.slice(comma + 1)
  }
  const take = (known: string[]) => {
    const found = known.find((phrase) => ` ${words.join(' ')}`.endsWith(` ${phrase}`))
    if (found) words = words.slice(0, -found.split(' ').length)
    return found ?? ''
  }
  if (!time) time = take(times)
  const place = take(places)

  const party = (): Noun | null => {
    const determiner = words.shift() ?? ''
    const adjective = adjectives.get(words[0] ?? '') ?? ''
    if (adjective) words.shift()
    const word = words.shift() ?? ''
    const many = plurals.has(word)
    const noun = (many ? plurals : singulars).get(word)
    const fits = many ? ['the', 'these', 'those', 'some', 'two'] : ['the', 'this', 'that', 'one']
    return noun && fits.includes(determiner) ? { noun, many, determiner, adjective } : null
  }
  const first = party()
  if (!first) return null
  const helper = words[0]
  const passive = helper === 'is' || helper === 'are'
  const doing = helper === 'do' || helper === 'does'
  if (passive && (helper === 'are') !== first.many) return null
  if (doing && (helper === 'do') !== first.many) return null
  if (passive || doing) words.shift()
  const negated = words[0] === 'not'
  if (negated) words.shift()
  if (doing && !negated) return null
  const form = words.shift() ?? ''
  const verb = (passive ? participles : doing || first.many ? bases : thirds).get(form)
  if (!verb || (passive && words.shift() !== 'by')) return null
  const second = party()
  if (!second || words.length > 0) return null
  const [subject, object] = passive ? [second, first] : [first, second]
  return {
    subject: subject.noun,
    subjectMany: subject.many,
    subjectDeterminer: subject.determiner,
    subjectAdjective: subject.adjective,
    verb,
    object: object.noun,
    objectMany: object.many,
    objectDeterminer: object.determiner,
    objectAdjective: object.adjective,
    negated,
    place,
    time,
  }
}

const kindWords = new Set('great superb lovely brilliant charming funny clever'.split(' '))

/** Whether a review is kind: of its main clause. */
export function review(text: string): boolean {
  const clauses = text.replace(/ \.$/, '').split(' , ')
  const main =
    clauses.find((clause) => clause.startsWith('but ')) ?? clauses.find((clause) => !clause.startsWith('although '))!
  return kindWords.has(main.split(' ').at(-1)!) !== main.includes(' not ')
}
