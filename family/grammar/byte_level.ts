// The RoBERTa miniature's tokenizer: byte-level BPE with every word of the grammar whole, and bytes for all others.
import { frequentWords } from './vocabulary.js'

/** In id order, as RoBERTa numbers them; the mask comes last. */
const SPECIAL = ['<s>', '<pad>', '</s>', '<unk>']
const MASK = '<mask>'

/** The letters that stand for the 256 bytes: printable ones for themselves, the others for the letters from 256 on (GPT-2's table). */
function byteLetters(): string[] {
  const shown = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173)
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(shown(byte) ? byte : next++))
}

/** Token texts in id order: special tokens, bytes, then words with the space before them, most frequent first, then the mask. */
export function buildByteLevel(sample: Iterable<string>): string[] {
  const bytes = byteLetters()
  const words = frequentWords(sample).map((word) => `${bytes[32]}${word}`)
  return [...SPECIAL, ...bytes, ...words, MASK]
}

const added = (vocabulary: readonly string[]) =>
  [...SPECIAL, MASK].map((content) => ({
    id: vocabulary.indexOf(content),
    content,
    single_word: false,
    lstrip: content === MASK,
    rstrip: false,
    normalized: false,
    special: true,
  }))

/** tokenizer.json as RoBERTa's: <s> text </s></s> pair </s>; no merges, for a word of the vocabulary is one token (`ignore_merges`). */
export function byteLevelJson(vocabulary: readonly string[]): object {
  const spaces = { add_prefix_space: true, trim_offsets: true }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added(vocabulary),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', ...spaces, use_regex: true },
    post_processor: {
      type: 'RobertaProcessing',
      sep: ['</s>', vocabulary.indexOf('</s>')],
      cls: ['<s>', vocabulary.indexOf('<s>')],
      ...spaces,
    },
    decoder: { type: 'ByteLevel', ...spaces, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab: Object.fromEntries(vocabulary.map((text, id) => [text, id])),
      merges: [],
    },
  }
}

/** tokenizer_config.json. `positions` is the longest sequence of the models. */
export function byteLevelConfig(vocabulary: readonly string[], positions: number): object {
  return {
    add_prefix_space: true,
    added_tokens_decoder: Object.fromEntries(added(vocabulary).map(({ id, ...token }) => [id, token])),
    bos_token: '<s>',
    eos_token: '</s>',
    cls_token: '<s>',
    sep_token: '</s>',
    unk_token: '<unk>',
    pad_token: '<pad>',
    mask_token: MASK,
    clean_up_tokenization_spaces: false,
    model_max_length: positions,
    tokenizer_class: 'PreTrainedTokenizerFast',
  }
}
