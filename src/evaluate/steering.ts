// What may not come next in an answer, and what comes less likely: the words of generation_config.json that transformers obeys
// in greedy search too (its logits processors, 5.18).
import { type Tensor, tf } from '../tensor/index.js'
import { endsOf, type GenerationConfig } from './generation_config.js'

/** Of the next token of one answer: ids that cannot come, and ids whose logits are weakened by the factor `penalty`. */
export interface Steering {
  banned: Set<number>
  weakened: Set<number>
  penalty: number
}

/** Null where every next token is the likeliest. */
export type TokenSteer = (prompt: readonly number[], answer: readonly number[]) => Steering | null

/** Tokens that would end a run of `size` tokens which the text has already. */
function repeats(text: readonly number[], size: number): number[] {
  const last = text.slice(text.length - size + 1)
  const found: number[] = []
  for (let end = size - 1; size > 0 && end < text.length; end++)
    if (last.every((token, i) => text[end - size + 1 + i] === token)) found.push(text[end]!)
  return found
}

/** Undefined where the file changes no answer. */
export function steerBy(config: GenerationConfig): TokenSteer | undefined {
  const { repetition_penalty: penalty, no_repeat_ngram_size: ngram, suppress_tokens, begin_suppress_tokens } = config
  const ends = endsOf(config)
  // transformers lets a forbidden word that is the end of an answer stand.
  const words = (config.bad_words_ids ?? []).filter((word) => !(word.length === 1 && ends.includes(word[0]!)))
  const shortest = (prompt: number) =>
    config.min_new_tokens ? prompt + config.min_new_tokens : (config.min_length ?? 0)
  const idle =
    (penalty ?? 1) === 1 &&
    !ngram &&
    !suppress_tokens?.length &&
    !begin_suppress_tokens?.length &&
    !words.length &&
    !shortest(0)
  if (idle) return undefined
  return (prompt, answer) => {
    const text = [...prompt, ...answer]
    const banned = new Set(suppress_tokens ?? [])
    const ban = (tokens: readonly number[]) => tokens.forEach((token) => banned.add(token))
    if (answer.length === 0) ban(begin_suppress_tokens ?? [])
    if (text.length < shortest(prompt.length)) ban(ends)
    if (ngram) ban(repeats(text, ngram))
    for (const word of words) {
      const before = word.slice(0, -1)
      if (before.length < text.length && before.every((token, i) => token === text[text.length - before.length + i]))
        ban(word.slice(-1))
    }
    return { banned, weakened: (penalty ?? 1) === 1 ? new Set() : new Set(text), penalty: penalty ?? 1 }
  }
}

/** Logits [rows, part of the vocabulary from `from` on] as each row's steering leaves them. */
export function steered(logits: Tensor, from: number, rows: readonly (Steering | null)[]): Tensor {
  return tf.tidy(() => {
    const [, columns] = logits.shape as [number, number]
    const marks = (ofRow: (row: Steering) => Set<number>): Tensor => {
      const values = new Uint8Array(rows.length * columns)
      rows.forEach((row, at) => {
        for (const token of row ? ofRow(row) : [])
          if (token >= from && token < from + columns) values[at * columns + token - from] = 1
      })
      return tf.tensor2d(values, [rows.length, columns], 'bool')
    }
    const penalty = rows.find((row) => row !== null)?.penalty ?? 1
    const weaker = () => tf.where(logits.less(0), logits.mul(penalty), logits.div(penalty))
    const weakened =
      penalty === 1
        ? logits
        : tf.where(
            marks((row) => row.weakened),
            weaker(),
            logits,
          )
    return tf.where(
      marks((row) => row.banned),
      tf.fill(logits.shape, -Infinity),
      weakened,
    )
  })
}
