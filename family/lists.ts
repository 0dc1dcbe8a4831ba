// Operations on lists of words: what the word-list documents and the instruct skill share.

/** Words of the answer, given the words of the list. The name is the phrase that the text uses. */
export const LIST_OPERATIONS: Record<string, (words: readonly string[]) => string[]> = {
  backwards: (words) => [...words].reverse(),
  'in capitals': (words) => words.map((word) => word.toUpperCase()),
  twice: (words) => [...words, ...words],
  'the first': (words) => [words[0]!],
  'the last': (words) => [words[words.length - 1]!],
  'in order': (words) => [...words].sort(),
  'the count': (words) => [String(words.length)],
  again: (words) => [...words],
}
