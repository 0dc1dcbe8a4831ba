// The words of the miniature language. Every word costs an embedding (and a noun two more: in capitals, and as a token of
// its own), so the lists are short; together with the operators they come to about 400 tokens.

/** The 80 nouns of word lists and stories. */
export const NOUNS = (
  'ant apple arm ball bank barn bear bell bird boat bone book boot bowl box bread bridge brush bus cake ' +
  'car cat chair clock cloud coat corn cow cup desk dog door dress drum duck ear egg eye farm field ' +
  'fire fish flag fork frog gate glass goat hand hat hill horse house ink jar key king lake lamp leaf ' +
  'map milk moon nail nest pond rain road rope sand ship sky snow star stone tent tree wall wind wolf'
).split(' ')

export const NAMES = 'Ann Ben Eva Ivy Joe Kim Leo Max Mia Ned Sam Tom Zoe'.split(' ')

/** What people in number stories have. */
export const ITEMS = 'beads cards coins figs keys maps nuts pears pens plums rings seeds shells stamps toys'.split(' ')

/** What happens to the things in number stories; each verb has one sign. */
export const VERBS = {
  '+': 'bought earned found got made picked took won'.split(' '),
  '-': 'dropped gave lost sent sold spent threw used'.split(' '),
} as const

export const ADJECTIVES = 'big cold dark good long new old quiet red small warm young'.split(' ')
export const MOTIONS = 'fell flew hid jumped ran rolled sat slept stood swam walked went'.split(' ')
export const PLACES = 'behind by in near on under'.split(' ')

/** Words that begin a line of the skills' templates, with two of no meaning. All occur before a colon in `misc` documents. */
export const HEADS = 'Bot Code News Note Problem Solution Task User'.split(' ')

/** The other words and signs of the templates; `misc` documents give them trained embeddings without teaching the format. */
export const FILLERS = [...HEADS, ...'#### given give how make many now? please return say write x s'.split(' ')]
