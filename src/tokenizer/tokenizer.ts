// What the program asks of a tokenizer.
import type { Encoded, TextPair } from './engine.js'

export interface Tokenizer {
  /** Token ids of each text. `special: true` adds what the post-processor adds (begin-of-text, [CLS] …); default false. */
  encode(texts: readonly string[], options?: { special?: boolean }): Promise<number[][]>
  /**
   * Texts, or pairs of texts, as an encoder is given them: special tokens added, with the segment of each token; 0 for all where
   * `model_input_names`, or else the tokenizer's class, has no `token_type_ids`.
   */
  encodePairs(pairs: readonly TextPair[]): Promise<Encoded[]>
  /** Text of the ids as transformers 5.18 decodes it, special tokens left out. */
  decode(ids: ArrayLike<number>): string
  /** Number of entries, added tokens included. */
  vocabulary: number
  /** Id of the end-of-text token, where the tokenizer has one. */
  eos?: number | undefined
  /** Id of the begin-of-text token, where the tokenizer has one. */
  bos?: number | undefined
  /** How the end-of-text token is written, and the begin-of-text token (without one, again the first). */
  written?: { eos: string | undefined; bos: string | undefined }
  /** Id that fills up a batch. */
  pad: number
  /** Models are not told which tokens fill a batch up: `model_input_names` has no `attention_mask`, as in SigLIP's files. */
  unmarked?: boolean
  /** Id of the mask token, where the tokenizer has one. */
  mask?: number | undefined
}
