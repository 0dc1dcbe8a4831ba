// Trained tokens of a model among those of a text: they stand where no text can put them, and have ids of their own.
import { UserError } from '../errors/index.js'
import type { Encoded } from './engine.js'
import type { Tokenizer } from './tokenizer.js'

/** What a model says of its trained tokens. */
export interface Prompted {
  /** The first id of a trained token. */
  vocabulary: number
  /** So many after the first token, at the end of the first text, and at the end of the second. */
  prompt?: readonly [number, number, number] | undefined
}

/**
 * The tokenizer, which puts the trained tokens into every text or pair: [CLS] p text p [SEP] pair p [SEP]. A single text has its
 * last two groups behind each other. Each has the segment of the text that it stands in.
 * @param what it is for, as errors name it
 * @throws UserError when a text is encoded, of a tokenizer that does not put one token before a text and one after
 */
export function withPrompt<T extends Tokenizer>(tokenizer: T, { vocabulary, prompt }: Prompted, what: string): T {
  if (!prompt) return tokenizer
  const starts = [0, prompt[0], prompt[0] + prompt[1]]
  const groups = prompt.map((count, i) => Array.from({ length: count }, (_, k) => vocabulary + starts[i]! + k))
  return {
    ...tokenizer,
    async encodePairs(pairs) {
      const [bare, ...encoded] = await tokenizer.encodePairs([{ text: '' }, ...pairs])
      if (bare!.ids.length !== 2)
        throw new UserError(
          `${what}: the model's trained tokens stand between [CLS] and [SEP], and the tokenizer puts ${bare!.ids.length} tokens around a text, not 2`,
        )
      return encoded.map((each) => insert(each, bare!.ids[1]!, groups))
    },
  }
}

/** @param end the id of [SEP] */
function insert({ ids, types }: Encoded, end: number, [before, between, after]: readonly number[][]): Encoded {
  const [first, last] = [ids.indexOf(end, 1), ids.length - 1]
  const among = (values: readonly number[], groups: readonly (readonly number[])[]) => [
    values[0]!,
    ...groups[0]!,
    ...values.slice(1, first),
    ...groups[1]!,
    ...values.slice(first, last),
    ...groups[2]!,
    values[last]!,
  ]
  const segments = [types[0]!, types[first - 1]!, types[last]!]
  const groups = [before!, between!, after!]
  return {
    ids: among(ids, groups),
    types: among(
      types,
      groups.map((group, i) => group.map(() => segments[i]!)),
    ),
  }
}
