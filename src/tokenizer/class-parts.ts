// What a tokenizer class builds itself. Of a tokenizer.json such a class takes the vocabulary, the merges, the character map of sentencepiece
// and what stands around a text, and nothing else: normalizer, pre-tokenizer, decoder and settings of the model are its own. As transformers
// 5.18 and 5.24 (convert_to_native_format of TokenizersBackend, and the __init__ of each class).
import { aroundByClass } from './class-around.js'
import { completeFile, idOf, type TokenizerConfig, type TokenizerFile, textOf } from './file.js'
import {
  type BuildInput,
  byteLevel,
  bytePairs,
  cutting,
  gemmaPairs,
  llamaPairs,
  type MarkedPieces,
  makePart,
  markedPieces,
  normalizing,
  type PartsBuilder,
  replacing,
  splitting,
  type TokenizerPart,
  wordPairs,
  wordPieces,
} from './parts.js'

type Kind = 'BPE' | 'Unigram' | 'WordPiece'

const NFC = makePart('NFC')
const DIGITS = makePart('Digits', { individual_digits: true })
const QUOTES = [replacing({ String: '``' }, '"'), replacing({ String: "''" }, '"')]
const BLANKS = [
  replacing({ Regex: '\\s{2,}|[\\n\\r\\t]' }, ' '),
  NFC,
  makePart('Strip', { strip_left: false, strip_right: true }),
]
const ONE_SPACE = replacing({ Regex: ' {2,}' }, ' ')
const ONE_MARK = replacing({ Regex: ' {2,}' }, '▁')
const bare = (keep: unknown): TokenizerPart[] => (keep ? [] : [makePart('NFKD'), makePart('StripAccents')])
const lower = (small: unknown): TokenizerPart[] => (small ? [makePart('Lowercase')] : [])
const mapped = ({ map }: BuildInput): TokenizerPart[] => map
const separated = () => [makePart('WhitespaceSplit')]
const never = { unprefixed: 'never' }

const CLIP = "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"

/** How Qwen 2 splits a text. @param letter what a word is made of, and what it is not */
const qwen = (letter: string, others: string): PartsBuilder =>
  bytePairs({
    normalizer: NFC,
    before: [
      cutting(
        {
          Regex: `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?${letter}+|\\p{N}| ?[^\\s${others}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
        },
        'Isolated',
      ),
    ],
    regex: false,
  })

/** @param unk the id of the unknown token, which some classes take for given */
const unigram = (unk: number | ((given: BuildInput) => unknown), own: Omit<MarkedPieces, 'model'>): PartsBuilder =>
  markedPieces({
    ...own,
    model: (given) => ({ unk_id: typeof unk === 'number' ? unk : unk(given), byte_fallback: false }),
  })
const merges = (own: Omit<MarkedPieces, 'model'>): PartsBuilder =>
  markedPieces({ ...own, model: ({ unknown }) => ({ unk_token: unknown, fuse_unk: true }) })

/** The kind of model of a class, how it is built → names of classes, without `Tokenizer`. A class that is not here goes by tokenizer.json. */
const BUILDS: readonly (readonly [kind: Kind, build: PartsBuilder, classes: string])[] = [
  ['BPE', bytePairs(), 'Bart CodeGen Deberta GPT2 LED Longformer Luke Mvp Roberta Whisper'],
  ['BPE', bytePairs({ prefix: true }), 'Blenderbot LayoutLMv3'],
  ['BPE', bytePairs({ normalizer: NFC }), 'GPTNeoX'],
  ['BPE', bytePairs({ normalizer: NFC, before: [DIGITS] }), 'Cohere'],
  ['BPE', qwen('\\p{L}', '\\p{L}'), 'Qwen2'],
  ['BPE', qwen('[\\p{L}\\p{M}]', '\\p{L}\\p{M}'), 'Qwen3_5'],
  [
    'WordPiece',
    wordPieces(),
    'Bert DistilBert Electra Funnel LayoutLM LayoutLMv2 Lxmert MPNet MobileBert Splinter SqueezeBert',
  ],
  ['WordPiece', wordPieces({ do_lower_case: true }), 'DPRContextEncoder DPRQuestionEncoder DPRReader'],
  [
    'BPE',
    ({ unknown }) => ({
      normalizer: normalizing(NFC, replacing({ Regex: '\\s+' }, ' '), makePart('Lowercase')),
      pre_tokenizer: splitting(cutting({ Regex: CLIP }, 'Removed', true), byteLevel(false)),
      decoder: byteLevel(true),
      model: { unk_token: unknown, continuing_subword_prefix: '', end_of_word_suffix: '</w>' },
    }),
    'CLIP',
  ],
  ['BPE', wordPairs({}), 'OpenAIGPT'],
  ['BPE', wordPairs({ do_lower_case: false, strip_accents: false }), 'Herbert'],
  [
    'BPE',
    llamaPairs(({ settings: { add_prefix_space: prefix, legacy } }) => ({
      scheme: prefix === false ? 'never' : (legacy ?? false) ? 'always' : 'first',
      stripped: prefix !== false,
      unknown: null,
    })),
    'Llama',
  ],
  [
    'BPE',
    llamaPairs(({ settings, unknown }) => ({
      scheme: settings.add_prefix_space === false ? 'never' : 'first',
      stripped: true,
      unknown,
    })),
    'CodeLlama',
  ],
  ['BPE', gemmaPairs(), 'Gemma'],
  ['BPE', gemmaPairs(makePart('Lowercase')), 'Siglip2'],
  ['BPE', merges({ normalizers: ({ map }) => (map.length ? [...map, ONE_SPACE] : []) }), 'Nllb Reformer'],
  [
    'BPE',
    merges({
      normalizers: () => [
        replacing({ Regex: '[\\n\\r\\t]' }, ' '),
        makePart('NFKC'),
        makePart('Strip', { strip_left: false, strip_right: true }),
        replacing({ Regex: ' +▁' }, '▁'),
        replacing({ Regex: '^▁+$' }, ''),
        ONE_MARK,
      ],
      scheme: 'first',
    }),
    'SeamlessM4T',
  ],
  ['Unigram', unigram(2, { normalizers: mapped, before: separated }), 'T5 VideoPrism'],
  ['Unigram', unigram(3, { normalizers: mapped, before: separated }), 'Lasr'],
  ['Unigram', unigram(3, { normalizers: mapped, before: separated, ...never }), 'XLMRoberta'],
  [
    'Unigram',
    unigram(({ unknownId = 0 }) => unknownId, { normalizers: mapped, before: separated, ...never }),
    'Camembert',
  ],
  ['Unigram', unigram(({ unknownId = 2 }) => unknownId, { normalizers: () => [], before: separated }), 'Udop'],
  ['Unigram', unigram(3, { normalizers: () => [], before: separated }), 'MBart'],
  ['Unigram', unigram(3, { normalizers: ({ map }) => [...map, ONE_SPACE] }), 'MBart50'],
  ['Unigram', unigram(3, { normalizers: ({ map }) => [...map, ONE_SPACE], ...never }), 'XGLM'],
  [
    'Unigram',
    unigram(({ unknownId }) => unknownId, {
      normalizers: ({ map }) => [...(map.length ? map : [replacing({ Regex: '\\n' }, ' ')]), ONE_SPACE],
    }),
    'Pegasus',
  ],
  ['Unigram', unigram(3, { normalizers: () => BLANKS, ...never }), 'Barthez'],
  [
    'Unigram',
    unigram(({ settings, unknownId }) => unknownId ?? settings.unk_id ?? 1, {
      normalizers: ({ settings }) => [...lower(settings.do_lower_case), ...BLANKS],
      before: ({ split_by_punct: punctuation }) =>
        punctuation ? [makePart('Punctuation', { behavior: 'Isolated' })] : [],
      unprefixed: 'first',
    }),
    'DebertaV2',
  ],
  ['Unigram', unigram(({ unknownId = 100 }) => unknownId, { normalizers: () => [ONE_MARK], ...never }), 'BigBird'],
  [
    'Unigram',
    unigram(3, {
      normalizers: () => [makePart('Strip', { strip_left: false, strip_right: true }), ONE_MARK],
      ...never,
    }),
    'LayoutXLM',
  ],
  ['Unigram', unigram(0, { normalizers: () => QUOTES }), 'MLuke'],
  [
    'Unigram',
    unigram(1, {
      normalizers: ({ settings: { keep_accents: keep, do_lower_case: small = true }, map }) => [
        ...QUOTES,
        ...bare(keep),
        ...lower(small),
        ...map,
      ],
      before: separated,
      ...never,
    }),
    'Albert',
  ],
  [
    'Unigram',
    unigram(({ settings }) => settings.unk_id ?? 0, {
      normalizers: ({ settings, map }) => [...QUOTES, ...bare(false), ...lower(settings.do_lower_case), ...map],
      before: separated,
    }),
    'XLNet',
  ],
  [
    'Unigram',
    unigram(2, {
      normalizers: ({ settings: { keep_accents: keep = true, do_lower_case: small }, map }) => [
        ...QUOTES,
        ONE_SPACE,
        ...bare(keep),
        ...lower(small),
        ...map,
      ],
      ...never,
    }),
    'RemBert',
  ],
]

/** The kind of model of a class that builds itself, and how. */
export function buildOf(name: string | undefined): { kind: Kind; build: PartsBuilder } | undefined {
  const [kind, build] = BUILDS.find(([, , classes]) => name !== undefined && classes.split(' ').includes(name)) ?? []
  return kind && build && { kind, build }
}

/** The character map of sentencepiece in a normalizer. */
function mapOf(normalizer: unknown): TokenizerPart[] {
  const { normalizers = [normalizer] } = (normalizer ?? {}) as { normalizers?: unknown[] }
  return (normalizers as (TokenizerPart | null)[])
    .filter((each): each is TokenizerPart => each?.type === 'Precompiled')
    .slice(0, 1)
}

/** Whether a model has what a class of the kind builds of. */
const FITS: Record<Kind, (model: TokenizerFile['model']) => boolean> = {
  BPE: ({ merges }) => Array.isArray(merges),
  Unigram: ({ vocab }) => Array.isArray(vocab),
  WordPiece: ({ vocab }) => !Array.isArray(vocab),
}

/** The file as the class builds it anew. As it is where the class is not known, or where it needs a model of another kind. */
export function builtFile(file: TokenizerFile, settings: TokenizerConfig, name: string | undefined): TokenizerFile {
  const { kind, build } = buildOf(name) ?? {}
  if (!kind || !build || !FITS[kind](file.model)) return file
  const { vocab, merges: rules } = file.model
  const unknown = textOf(settings.unk_token) ?? null
  const unknownId = unknown === null ? undefined : idOf({ model: file.model }, unknown)
  const { model, ...parts } = build({ settings, map: mapOf(file.normalizer), unknown, unknownId })
  if (kind === 'Unigram' && !(Number(model.unk_id) < (vocab as unknown[]).length)) return file
  return {
    ...file,
    ...parts,
    // A list in tokenizer_config.json takes the place of the file's own.
    added_tokens: settings.added_tokens_decoder ? [] : (file.added_tokens ?? []),
    model: { type: kind, ...model, vocab, ...(kind === 'BPE' && { merges: rules }) },
  }
}

/** Classes whose mask takes the space in front of it, where no file lists the token with its settings. */
const MASKED = 'Barthez BigBird Blenderbot Camembert LayoutXLM MBart MBart50 MLuke MPNet Nllb XLNet'

const withMask = ({ mask_token: mask, ...settings }: TokenizerConfig, name = ''): TokenizerConfig => ({
  ...settings,
  mask_token: typeof mask === 'string' && MASKED.split(' ').includes(name) ? { content: mask, lstrip: true } : mask,
})

/**
 * A tokenizer.json as the class of transformers that opens it makes it: built anew, completed, with the class's tokens around a text.
 * @param name the class without `Tokenizer`
 */
export function openedFile(file: TokenizerFile, settings: TokenizerConfig, name: string | undefined): TokenizerFile {
  const whole = completeFile(builtFile(file, settings, name), withMask(settings, name))
  return { ...whole, ...aroundByClass(whole, settings, name) }
}
