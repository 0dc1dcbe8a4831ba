// The special tokens that a tokenizer class puts around a text and a pair, whatever tokenizer.json says. As transformers 5.18 and 5.24.
import { idOf, type TokenizerConfig, type TokenizerFile, textOf } from './file.js'

/**
 * Around one text `A` and around a pair `A`, `B`: roles of special tokens, tokens as they are written, or its language (`source`); with their segment where it
 * is not 0 → names of classes, without `Tokenizer`.
 */
const TEMPLATES: readonly (readonly [one: string, pair: string, classes: string])[] = [
  [
    'cls A sep',
    'cls A sep B:1 sep:1',
    'Bert BigBird ConvBert DPRContextEncoder DPRQuestionEncoder DPRReader DebertaV2 DistilBert Electra Herbert LayoutLM LayoutLMv2 Lxmert MobileBert RemBert SqueezeBert',
  ],
  ['cls A sep', 'cls A sep sep B sep', 'Bart Deberta LED LayoutLMv3 Longformer Luke MPNet Mvp Roberta'],
  ['cls A sep', 'cls A sep sep B:1 sep:1', 'MLuke'],
  ['cls A sep', 'cls A [QUESTION] . sep B:1 sep:1', 'Splinter'],
  ['cls:2 A sep', 'cls:2 A sep B:1 sep:1', 'Funnel'],
  ['A sep cls:2', 'A sep B:1 sep:1 cls:2', 'XLNet'],
  ['bos A eos', 'bos A eos eos B eos', 'CLIP Camembert LayoutXLM XLMRoberta'],
  ['A eos', 'A eos B eos', 'Lasr T5 Udop'],
  ['A eos', 'A B eos', 'Pegasus'],
  ['A eos source', 'A B eos source', 'MBart'],
  ['source A eos', 'source A B eos', 'MBart50 Nllb SeamlessM4T'],
  ['eos A', 'eos A eos eos B', 'XGLM'],
  ['bos A', 'bos A bos:1 B:1', 'CodeLlama'],
  ['bos A eos', 'A B:1', 'Nougat'],
  ['cls A eos', 'A B:1', 'Esmc'],
  ['A', 'A B:1', 'GPTNeoX'],
  ['<|startoftranscript|> <|notimestamps|> A eos', '<|startoftranscript|> <|notimestamps|> A B:1 eos:1', 'Whisper'],
]

/** A language or a task of these settings stands in front of a text of Whisper, too. */
const SPOKEN = ['language', 'task', 'predict_timestamps']

/** The language of a text, where no file says. */
const LANGUAGES: Readonly<Record<string, string>> = {
  MBart: 'en_XX',
  MBart50: 'en_XX',
  Nllb: 'eng_Latn',
  SeamlessM4T: 'eng',
}

function languageOf({ src_lang: own }: TokenizerConfig, name: string): string {
  const language = typeof own === 'string' ? own : LANGUAGES[name]!
  return name === 'SeamlessM4T' && !language.includes('__') ? `__${language}__` : language
}

/**
 * The post-processor of a class; nothing where the class has none of its own or is not known, and where a token is not there.
 * @param file as completeFile gives it
 * @param name the class without `Tokenizer`
 */
export function aroundByClass(
  file: TokenizerFile,
  settings: TokenizerConfig,
  name: string | undefined,
): Partial<TokenizerFile> {
  const found = TEMPLATES.find(([, , classes]) => name !== undefined && classes.split(' ').includes(name))
  if (!found || (name === 'Whisper' && SPOKEN.some((setting) => settings[setting]))) return {}
  const [one, pair] = name === 'Nllb' && settings.legacy_behaviour === true ? ['A eos source', 'A B eos source'] : found
  const tokens = new Map<string, number | undefined>()
  const tokenOf = (role: string): string => {
    if (role === 'source') return languageOf(settings, name!)
    return /^\w+$/.test(role) ? (textOf(settings[`${role}_token`]) ?? '') : role
  }
  const piece = (word: string) => {
    const [role, segment = '0'] = word.split(':') as [string, string?]
    const type_id = Number(segment)
    if (role === 'A' || role === 'B') return { Sequence: { id: role, type_id } }
    const id = tokenOf(role)
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
