// The tokenizer of rxnfp as a tokenizer.json: its class is Python code, which splits a reaction by a regular expression into the words of vocab.txt.

/** SMI_REGEX_PATTERN of rxnfp 0.1.0. Letters that it does not match are left out, as by `findall`. */
const PATTERN = String.raw`(\%\([0-9]{3}\)|\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\||\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$|\%[0-9]{2}|[0-9])`
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

/** The tokens of a reaction. */
export const tokensOf = (reaction) => reaction.match(new RegExp(PATTERN, 'g')) ?? []

/** The files of a tokenizer. @param {string} vocabulary a token on each line */
export function tokenizerFiles(vocabulary) {
  const tokens = vocabulary.trimEnd().split('\n')
  const special = (id) => ({ id, ids: [tokens.indexOf(id)], tokens: [id] })
  const place = (id, type_id) => ({ SpecialToken: { id, type_id } })
  const text = (id, type_id) => ({ Sequence: { id, type_id } })
  const one = [place('[CLS]', 0), text('A', 0), place('[SEP]', 0)]
  return {
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: SPECIAL.map((content) => ({
        id: tokens.indexOf(content),
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      normalizer: null,
      pre_tokenizer: { type: 'Split', pattern: { Regex: PATTERN }, behavior: 'Removed', invert: true },
      post_processor: {
        type: 'TemplateProcessing',
        single: one,
        pair: [...one, text('B', 1), place('[SEP]', 1)],
        special_tokens: { '[CLS]': special('[CLS]'), '[SEP]': special('[SEP]') },
      },
      decoder: null,
      model: { type: 'WordLevel', vocab: Object.fromEntries(tokens.map((token, i) => [token, i])), unk_token: '[UNK]' },
    },
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      model_max_length: 512,
      model_input_names: ['input_ids', 'token_type_ids', 'attention_mask'],
      pad_token: '[PAD]',
      unk_token: '[UNK]',
      cls_token: '[CLS]',
      sep_token: '[SEP]',
      mask_token: '[MASK]',
    },
  }
}
