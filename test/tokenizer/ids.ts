// A tokenizer of fixtures that have none: texts are lists of ids.
import type { Tokenizer } from '../../src/tokenizer/index.js'

export const idTokenizer: Tokenizer = {
  encode: async (texts) => texts.map((text) => text.split(' ').filter(Boolean).map(Number)),
  encodePairs: async () => [],
  decode: (ids) => Array.from(ids).join(' '),
  vocabulary: 160,
  eos: 2,
  pad: 2,
}
