// The tokenizer files of a model folder, read, and tokenizer.json completed as transformers completes it when it opens them.

/** A token that is found in the text before the model of the tokenizer sees it, as tokenizer.json lists it. */
export interface AddedToken {
  id: number
  content: string
  [setting: string]: unknown
}

export interface TokenizerFile {
  added_tokens?: AddedToken[]
  model: { type?: string; vocab: Record<string, number> | [token: string, score: number][]; [setting: string]: unknown }
  post_processor?: { type?: string; [setting: string]: unknown } | null
  [part: string]: unknown
}

/** tokenizer_config.json */
export type TokenizerConfig = Record<string, unknown>

/** The text of a token that tokenizer_config.json gives as a text or with its settings. */
export function textOf(token: unknown): string | undefined {
  const text = typeof token === 'object' && token !== null ? (token as { content?: unknown }).content : token
  return typeof text === 'string' ? text : undefined
}

export const TOKEN_ROLES = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const

/** An added token with every setting; what is not given is as the reference has it. */
function addedToken(token: unknown, id: number, special?: boolean): AddedToken {
  const given = (typeof token === 'object' ? token : {}) as Record<string, unknown>
  const is = (setting: string, otherwise = false) => Boolean(given[setting] ?? otherwise)
  const own = special ?? is('special')
  return {
    id,
    content: textOf(token)!,
    single_word: is('single_word'),
    lstrip: is('lstrip'),
    rstrip: is('rstrip'),
    normalized: is('normalized', !own),
    special: own,
  }
}

const idIn = ({ vocab }: TokenizerFile['model'], token: string): number | undefined => {
  if (!Array.isArray(vocab)) return Object.hasOwn(vocab, token) ? vocab[token] : undefined
  // Of two entries of one text the core knows the later.
  const index = vocab.findLastIndex(([text]) => text === token)
  return index < 0 ? undefined : index
}

/**
 * What gives an added token its id, as the core does, whatever a file says: that of the vocabulary, or the next after the vocabulary and
 * the tokens that were added before.
 */
export function numbering({ vocab }: TokenizerFile['model']): (token: string) => number {
  const ids = new Map(Array.isArray(vocab) ? vocab.map(([token], id) => [token, id]) : Object.entries(vocab))
  let next = Array.isArray(vocab) ? vocab.length : ids.size
  return (token) => {
    if (!ids.has(token)) ids.set(token, next++)
    return ids.get(token)!
  }
}

/** The id of a token, added or of the vocabulary. */
export const idOf = ({ added_tokens: added = [], model }: TokenizerFile, token: string): number | undefined =>
  added.find(({ content }) => content === token)?.id ?? idIn(model, token)

/** Tokens that have a name: the roles, a model's own (`image_token`), and the mapping of `extra_special_tokens`. */
function namedTokens(settings: TokenizerConfig): unknown[] {
  const { extra_special_tokens: extra } = settings
  const own = Object.entries(settings).filter(
    ([key, token]) =>
      key.endsWith('_token') &&
      !(TOKEN_ROLES as readonly string[]).includes(key) &&
      (typeof token === 'string' || (token as { __type?: unknown } | null)?.__type === 'AddedToken'),
  )
  return [
    ...TOKEN_ROLES.map((role) => settings[role]),
    ...own.map(([, token]) => token),
    ...(Array.isArray(extra) ? [] : Object.values(extra ?? {})),
  ]
}

/** The additional special tokens: `extra_special_tokens`, or the older name where that lists none. */
const listedTokens = ({ extra_special_tokens: extra, additional_special_tokens: older }: TokenizerConfig): unknown[] =>
  [extra, older].find((list): list is unknown[] => Array.isArray(list) && list.length > 0) ?? []

/**
 * tokenizer.json as transformers completes it: with the tokens of `added_tokens_decoder`, whose settings go before its own;
 * with those that have a name or are additional special ones, under a new id where the vocabulary lacks them. Its own added
 * tokens that have a name are special, where no `added_tokens_decoder` says otherwise. It cuts and pads nothing.
 * `add_bos_token` and `add_eos_token` count for nothing beside a tokenizer.json. Source: transformers 5.18, from_pretrained of
 * PreTrainedTokenizerBase and __init__ of TokenizersBackend.
 */
export function completeFile(file: TokenizerFile, settings: TokenizerConfig): TokenizerFile {
  const added = new Map((file.added_tokens ?? []).map((token) => [token.content, token]))
  const numberOf = numbering(file.model)
  for (const content of added.keys()) numberOf(content)
  const named = namedTokens(settings)
  const names = new Set(named.map(textOf))
  const { added_tokens_decoder: decoder } = settings
  if (!decoder)
    for (const [content, token] of added)
      if (names.has(content) && !token.special) added.set(content, { ...token, special: true })
  for (const [, token] of Object.entries(decoder ?? {}).sort(([one], [two]) => Number(one) - Number(two))) {
    const content = textOf(token)
    if (!content) continue
    const [before, after] = [added.get(content), addedToken(token, numberOf(content), names.has(content) || undefined)]
    const same = before && Object.entries(after).every(([setting, value]) => before[setting] === value)
    if (!same) added.set(content, after)
  }
  for (const token of [...named, ...listedTokens(settings)]) {
    const content = textOf(token)
    if (content && !added.has(content)) added.set(content, addedToken(token, numberOf(content), true))
  }
  return { ...file, added_tokens: [...added.values()], truncation: null, padding: null }
}
