// The JavaScript port of the reference's tokenizers, for machines without its core. What it gets wrong is refused by name.
import { Tokenizer as Library } from '@huggingface/tokenizers'
import { UserError } from '../errors/index.js'
import type { Engine } from './engine.js'
import type { TokenizerFile } from './file.js'
import { checkSupport, textCheck } from './limits.js'

/** @throws Error of the library; UserError for a part that it gets wrong */
export function openPort(file: TokenizerFile): Engine {
  checkSupport(file)
  const checkText = textCheck(file)
  const library = new Library(file, { clean_up_tokenization_spaces: false })
  const known = new Set(library.get_vocab(true).values())
  const lower = lowerCases(file.normalizer)
  const plain = (text: string): string => {
    checkText(text)
    return lower ? text.replaceAll('Σ', 'σ') : text
  }
  // RoBERTa knows one segment, but the library numbers the texts.
  const oneSegment = file.post_processor?.type === 'RobertaProcessing'
  return {
    encode: async (texts, special) =>
      texts.map((text) => library.encode(plain(text), { add_special_tokens: special }).ids),
    encodePairs: async (pairs) =>
      pairs.map(({ text, pair }) => {
        // The library takes an empty text for none.
        if (pair === '') throw new UserError('the JavaScript port of tokenizers takes no empty second text')
        const { ids, token_type_ids: types } = library.encode(plain(text), {
          text_pair: pair && plain(pair),
          return_token_type_ids: true,
        })
        if (pair !== undefined && !types)
          throw new UserError('the JavaScript port of tokenizers joins no pair of texts without a template')
        return { ids, types: oneSegment || !types ? ids.map(() => 0) : types }
      }),
    decode: (ids) => {
      const kept = ids.filter((id) => known.has(id))
      return kept.length ? library.decode(kept, { skip_special_tokens: true }) : ''
    },
    idOf: (token) => library.token_to_id(token),
    size: known.size,
  }
}

/**
 * Whether a normaliser lower-cases, which the reference does letter by letter: JavaScript makes a capital sigma at the end of
 * a word a ς, so it has to be a σ before.
 */
function lowerCases(normaliser: unknown): boolean {
  const {
    type,
    lowercase,
    normalizers = [],
  } = (normaliser ?? {}) as { type?: string; lowercase?: boolean; normalizers?: unknown[] }
  return type === 'Lowercase' || (type === 'BertNormalizer' && lowercase !== false) || normalizers.some(lowerCases)
}
