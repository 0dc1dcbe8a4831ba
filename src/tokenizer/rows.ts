// A tokenizer beside a model's embedding: every id that it gives has a row there. It may know more tokens than there are rows;
// many trainers add some and leave the model as it was.
import { UserError } from '../errors/index.js'
import type { Tokenizer } from './tokenizer.js'

/**
 * The tokenizer, which refuses texts with ids that have no row. A token that no text has may have any id: an end-of-text without
 * a row ends no answer and belongs to no target, and batches are filled up with another id.
 * @param rows of the embedding; 0 for a model that has none
 * @param what it is for, as errors name it
 * @throws UserError when such a text is encoded
 */
export function withinRows<T extends Tokenizer>(tokenizer: T, rows: number, what: string): T {
  if (rows === 0) return tokenizer
  const check = (text: string, ids: readonly number[]) => {
    const beyond = ids.find((id) => id >= rows)
    if (beyond === undefined) return
    const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
    throw new UserError(`${what}: the text ${shown} has the token id ${beyond}, and the model's embedding ${rows} rows`)
  }
  const within = (id: number | undefined) => (id !== undefined && id < rows ? id : undefined)
  const { eos, bos, pad, mask, written } = tokenizer
  return {
    ...tokenizer,
    vocabulary: Math.min(tokenizer.vocabulary, rows),
    eos: within(eos),
    bos: within(bos),
    pad: within(pad) ?? within(eos) ?? 0,
    mask: within(mask),
    ...(written && {
      written: { ...written, eos: eos !== undefined && within(eos) === undefined ? undefined : written.eos },
    }),
    async encode(texts, options) {
      const all = await tokenizer.encode(texts, options)
      all.forEach((ids, i) => check(texts[i]!, ids))
      return all
    },
    async encodePairs(pairs) {
      const all = await tokenizer.encodePairs(pairs)
      all.forEach(({ ids }, i) => check(pairs[i]!.text, ids))
      return all
    },
  }
}
