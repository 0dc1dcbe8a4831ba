// A tokenizer beside a model's embedding: every id that it gives has a row there.
import { UserError } from '../errors/index.js'
import type { Tokenizer } from './tokenizer.js'

/**
 * The tokenizer, which refuses texts with ids that have no row. A token that no text has may have any id.
 * @param rows of the embedding; 0 for a model that has none
 * @param what it is for, as errors name it
 * @throws UserError now for end-of-text, begin-of-text and padding; for others when a text is encoded
 */
export function withinRows<T extends Tokenizer>(tokenizer: T, rows: number, what: string): T {
  if (rows === 0) return tokenizer
  const refuse = (who: string, id: number) => {
    throw new UserError(`${what}: ${who} has the token id ${id}, and the model's embedding ${rows} rows`)
  }
  const check = (text: string, ids: readonly number[]) => {
    const beyond = ids.find((id) => id >= rows)
    if (beyond !== undefined)
      refuse(`the text ${JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)}`, beyond)
  }
  for (const [role, id] of Object.entries({
    'end-of-text': tokenizer.eos,
    padding: tokenizer.pad,
    'begin-of-text': tokenizer.bos ?? 0,
  }))
    if (id >= rows) refuse(role, id)
  return {
    ...tokenizer,
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
