// Thin door to Hugging Face tokenizers: a folder's tokenizer.json through the maintained JavaScript library.

export interface Tokenizer {
  encode(text: string, options?: { special?: boolean }): number[]
  decode(ids: ArrayLike<number>): string
  /** Number of entries, added tokens included. */
  vocabulary: number
  /** Id of the end-of-text token, from tokenizer_config.json. */
  eos: number
  pad: number
}

export async function loadTokenizer(_folder: string): Promise<Tokenizer> {
  throw new Error('not yet')
}
