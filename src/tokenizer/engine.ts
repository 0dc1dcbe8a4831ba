// What a library of tokenizers has to do.

/** A text, or two texts that an encoder reads together. */
export interface TextPair {
  text: string
  pair?: string | undefined
}

/** Token ids, and of each token the number of its segment: 0 or 1. */
export interface Encoded {
  ids: number[]
  types: number[]
}

export interface Engine {
  /** `special`: with what the post-processor adds. */
  encode(texts: readonly string[], special: boolean): Promise<number[][]>
  /** With what the post-processor adds. */
  encodePairs(pairs: readonly TextPair[]): Promise<Encoded[]>
  /** Without special tokens; an id of no token is passed over. */
  decode(ids: readonly number[]): string
  idOf(token: string): number | undefined
  /** Number of entries, added tokens included. */
  size: number
}
