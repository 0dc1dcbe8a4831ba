// The reference's own core in Rust, through its binding for Node: npm `tokenizers`, an optional dependency.
import { createRequire } from 'node:module'
import type { Encoded, Engine } from './engine.js'
import type { TokenizerFile } from './file.js'

/** What is used of the package; its own types are not there where it is not installed. */
interface Encoding {
  getIds(): number[]
  getTypeIds(): number[]
}

interface Options {
  addSpecialTokens: boolean
}

export interface Core {
  Tokenizer: {
    fromString(json: string): {
      encode(text: string, pair: string | null, options: Options): Promise<Encoding>
      encodeBatch(texts: string[], options: Options): Promise<Encoding[]>
      getDecoder(): { decode(tokens: string[]): string } | null
      idToToken(id: number): string | null
      tokenToId(token: string): number | null
      getVocabSize(withAddedTokens: boolean): number
    }
  }
}

let loaded: Core | Error | undefined

/** The package, or the reason why it cannot be loaded. Looked for once. */
export function loadCore(): Core | Error {
  if (loaded) return loaded
  try {
    loaded = createRequire(import.meta.url)('tokenizers') as Core
  } catch (error) {
    loaded = error as Error
  }
  return loaded
}

/** @throws Error of the core */
export function openCore({ Tokenizer }: Core, file: TokenizerFile): Engine {
  const library = Tokenizer.fromString(JSON.stringify(file))
  const decoder = library.getDecoder()
  const special = new Set(file.added_tokens?.filter((token) => token.special).map(({ content }) => content))
  const tokens = new Map<number, string | null>()
  const tokenOf = (id: number): string | null => {
    if (!tokens.has(id)) tokens.set(id, library.idToToken(id))
    return tokens.get(id)!
  }
  return {
    encode: async (texts, addSpecialTokens) =>
      (await library.encodeBatch([...texts], { addSpecialTokens })).map((each) => each.getIds()),
    // encodeBatch takes no pairs.
    encodePairs: (pairs) =>
      Promise.all(
        pairs.map(async ({ text, pair = null }): Promise<Encoded> => {
          const each = await library.encode(text, pair, { addSpecialTokens: true })
          return { ids: each.getIds(), types: each.getTypeIds() }
        }),
      ),
    // What the core's own decode does, which is asynchronous.
    decode: (ids) => {
      const kept = Array.from(ids, tokenOf).filter((token): token is string => token !== null && !special.has(token))
      return decoder ? decoder.decode(kept) : kept.join(' ')
    },
    idOf: (token) => library.tokenToId(token) ?? undefined,
    size: library.getVocabSize(true),
  }
}
