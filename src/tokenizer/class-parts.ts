// What a tokenizer class sets itself, whatever tokenizer.json says: the special tokens around a text and a pair, and how BERT's
// kind cleans a text. As transformers 5.18 and 5.24.
import { idOf, type TokenizerConfig, type TokenizerFile, textOf } from './file.js'

/**
 * Around one text `A` and around a pair `A`, `B`: roles of special tokens, or tokens as they are written; with their segment where it is not 0 →
 * names of classes, without `Tokenizer`.
 */
const TEMPLATES: readonly (readonly [one: string, pair: string, classes: string])[] = [
  [
    'cls A sep',
    'cls A sep B:1 sep:1',
    'Bert BigBird ConvBert DPRContextEncoder DPRQuestionEncoder DPRReader DebertaV2 DistilBert Electra LayoutLM LayoutLMv2 Lxmert MobileBert RemBert SqueezeBert',
  ],
  ['cls A sep', 'cls A sep sep B sep', 'Bart Deberta LED LayoutLMv3 LayoutXLM Longformer MPNet Mvp Roberta'],
  ['cls A sep', 'cls A sep sep B:1 sep:1', 'MLuke'],
  ['cls:2 A sep', 'cls:2 A sep B:1 sep:1', 'Funnel'],
  ['A sep cls:2', 'A sep B:1 sep:1 cls:2', 'XLNet'],
  ['bos A eos', 'bos A eos eos B eos', 'CLIP Camembert XLMRoberta'],
  ['A eos', 'A eos B eos', 'Lasr T5 Udop'],
  ['A eos', 'A B eos', 'Pegasus'],
  ['eos A', 'eos A eos eos B', 'XGLM'],
  ['bos A', 'bos A bos:1 B:1', 'CodeLlama'],
  ['bos A eos', 'A B:1', 'Nougat'],
  ['cls A eos', 'A B:1', 'Esmc'],
  ['A', 'A B:1', 'GPTNeoX'],
  ['<|startoftranscript|> <|notimestamps|> A eos', '<|startoftranscript|> <|notimestamps|> A B:1 eos:1', 'Whisper'],
]

/** Classes whose settings do_lower_case, strip_accents and tokenize_chinese_chars go before the normalizer of tokenizer.json. */
const CLEANED = 'Bert DistilBert Electra Funnel LayoutLM LayoutLMv2 Lxmert MPNet MobileBert Splinter SqueezeBert'

/** A language or a task of these settings stands in front of a text, too. */
const SPOKEN = ['language', 'task', 'predict_timestamps']

/**
 * A tokenizer with the parts that its class sets. Its own count where the class sets none or is not known, and where a token is not there.
 * @param file as completeFile gives it
 * @param name the class without `Tokenizer`
 */
export function setByClass(file: TokenizerFile, settings: TokenizerConfig, name: string | undefined): TokenizerFile {
  const of = (classes: string) => name !== undefined && classes.split(' ').includes(name)
  const template = TEMPLATES.find(([, , classes]) => of(classes))
  const spoken = name === 'Whisper' && SPOKEN.some((setting) => settings[setting])
  return {
    ...file,
    ...(template && !spoken && around(template, settings, file)),
    ...(of(CLEANED) && { normalizer: cleaned(settings) }),
  }
}

function around(
  [one, pair]: readonly [one: string, pair: string, classes: string],
  settings: TokenizerConfig,
  file: TokenizerFile,
): Partial<TokenizerFile> {
  const tokens = new Map<string, number | undefined>()
  const piece = (word: string) => {
    const [role, segment = '0'] = word.split(':') as [string, string?]
    const type_id = Number(segment)
    if (role === 'A' || role === 'B') return { Sequence: { id: role, type_id } }
    const id = role.startsWith('<') ? role : (textOf(settings[`${role}_token`]) ?? '')
    tokens.set(id, idOf(file, id))
    return { SpecialToken: { id, type_id } }
  }
  const post_processor = {
    type: 'TemplateProcessing',
    single: one.split(' ').map(piece),
    pair: pair.split(' ').map(piece),
    special_tokens: Object.fromEntries([...tokens].map(([id, own]) => [id, { id, ids: [own], tokens: [id] }])),
  }
  return [...tokens.values()].includes(undefined) ? {} : { post_processor }
}

const cleaned = (settings: TokenizerConfig) => ({
  type: 'BertNormalizer',
  clean_text: true,
  handle_chinese_chars: settings.tokenize_chinese_chars ?? true,
  strip_accents: settings.strip_accents ?? null,
  lowercase: settings.do_lower_case ?? true,
})
