// The BERT miniature's tokenizer: WordPiece with every word of the grammar whole, and letters for all others.

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

const added = SPECIAL.map((content, id) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
}))

/** Words of the texts, most frequent first. */
export function frequentWords(sample: Iterable<string>): string[] {
  const counts = new Map<string, number>()
  for (const text of sample) for (const word of text.split(' ')) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts]
    .sort(([one, countOfOne], [two, countOfTwo]) => countOfTwo - countOfOne || (one < two ? -1 : 1))
    .map(([word]) => word)
}

/** Token texts in id order: special tokens, letters and digits at the start and inside of words, then words, most frequent first. */
export function buildWordPieces(sample: Iterable<string>): string[] {
  const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789']
  return [...new Set([...SPECIAL, ...letters, ...letters.map((letter) => `##${letter}`), ...frequentWords(sample)])]
}

/** tokenizer.json as BERT's: [CLS] text [SEP] pair [SEP], with segments 0 and 1. */
export function wordPieceJson(vocabulary: readonly string[]): object {
  const piece = (type: 'SpecialToken' | 'Sequence', id: string, type_id: number) => ({ [type]: { id, type_id } })
  const single = [piece('SpecialToken', '[CLS]', 0), piece('Sequence', 'A', 0), piece('SpecialToken', '[SEP]', 0)]
  const token = (id: string) => [id, { id, ids: [SPECIAL.indexOf(id)], tokens: [id] }]
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single,
      pair: [...single, piece('Sequence', 'B', 1), piece('SpecialToken', '[SEP]', 1)],
      special_tokens: Object.fromEntries([token('[CLS]'), token('[SEP]')]),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary.map((text, id) => [text, id])),
    },
  }
}

/** tokenizer_config.json. `positions` is the longest sequence of the models. */
export function wordPieceConfig(positions: number): object {
  return {
    added_tokens_decoder: Object.fromEntries(added.map(({ id, ...token }) => [id, token])),
    pad_token: '[PAD]',
    unk_token: '[UNK]',
    cls_token: '[CLS]',
    sep_token: '[SEP]',
    mask_token: '[MASK]',
    clean_up_tokenization_spaces: false,
    do_lower_case: true,
    model_max_length: positions,
    tokenizer_class: 'BertTokenizer',
  }
}
