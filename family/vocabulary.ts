// The family's tokenizer: words, single digits and operators as tokens. With characters instead, models of this size never
// learn to copy or sort words. Written as Hugging Face files that any tokenizers library loads.

/** Special token of id 0: end, beginning and padding in one. */
const END_OF_TEXT = '<|endoftext|>'

/** Pieces in order of preference: four code suffixes; a word, a digit or a sign with the space before it; newline; space. */
const PIECES = String.raw`\[::-1\]|\.upper\(\)|\[0\]|\[-1\]| ?[A-Za-z]+| ?[0-9]|\n| ?[^ A-Za-z0-9\n]| `

const SPECIAL = {
  content: END_OF_TEXT,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
}

/** A piece joins the vocabulary when the sample shows it this often. */
const LEAST_COUNT = 5

/** The byte-level alphabet writes space and newline as visible letters. */
const visible = (piece: string) => piece.replaceAll(' ', 'Ġ').replaceAll('\n', 'Ċ')

/** Token texts in id order: end-of-text, printable ASCII and newline as fall-back, then the frequent pieces, most frequent first. */
export function buildVocabulary(sample: Iterable<string>): string[] {
  const pieces = new RegExp(PIECES, 'g')
  const counts = new Map<string, number>()
  for (const text of sample)
    for (const piece of text.match(pieces) ?? []) counts.set(piece, (counts.get(piece) ?? 0) + 1)

  const ascii = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index))
  const tokens = new Set([END_OF_TEXT, ...[...ascii, '\n'].map(visible)])
  const frequent = [...counts].filter(([, count]) => count >= LEAST_COUNT)
  frequent.sort(([one, countOfOne], [two, countOfTwo]) => countOfTwo - countOfOne || (one < two ? -1 : 1))
  for (const [piece] of frequent) tokens.add(visible(piece))
  return [...tokens]
}

/** tokenizer.json: no merges; a piece of the vocabulary is one token (`ignore_merges`), any other falls apart into characters. */
export function tokenizerJson(vocabulary: readonly string[]): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [{ id: 0, ...SPECIAL }],
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: PIECES }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges: [],
    },
  }
}

/** tokenizer_config.json. `positions` is the longest sequence of the models. */
export function tokenizerConfig(positions: number): object {
  return {
    added_tokens_decoder: { 0: SPECIAL },
    bos_token: END_OF_TEXT,
    eos_token: END_OF_TEXT,
    pad_token: END_OF_TEXT,
    clean_up_tokenization_spaces: false,
    model_max_length: positions,
    tokenizer_class: 'PreTrainedTokenizerFast',
  }
}
