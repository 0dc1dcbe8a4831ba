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
export type Settings = Record<string, unknown>

/** The text of a token that tokenizer_config.json gives as a text or with its settings. */
export function textOf(token: unknown): string | undefined {
  const text = typeof token === 'object' && token !== null ? (token as { content?: unknown }).content : token
  return typeof text === 'string' ? text : undefined
}

const ROLES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const

/** An added token with every setting; what is not given is as the reference has it. */
function addedToken(token: unknown, id: number, special?: boolean): AddedToken {
  const given = (typeof token === 'object' ? token : {}) as Record<string, unknown>
  const is = (setting: string, otherwise = false) => Boolean(given[setting] ?? otherwise)
  const own = special ?? is('special')
  return { id, content: textOf(token)!, single_word: is('single_word'), lstrip: is('lstrip'), rstrip: is('rstrip'), normalized: is('normalized', !own), special: own }
}

const idIn = ({ vocab }: TokenizerFile['model'], token: string): number | undefined => {
  if (!Array.isArray(vocab)) return Object.hasOwn(vocab, token) ? vocab[token] : undefined
  const index = vocab.findIndex(([text]) => text === token)
  return index < 0 ? undefined : index
}

/**
 * tokenizer.json as transformers completes it: with the tokens of `added_tokens_decoder`, whose settings go before its own;
 * with the tokens of the vocabulary that have a role or are additional special ones; with begin and end of text as
 * `add_bos_token` and `add_eos_token` say where either is given. It cuts and pads nothing.
 * Source: transformers 5.18, TokenizersBackend.__init__ and update_post_processor.
 */
export function completeFile(file: TokenizerFile, settings: Settings): TokenizerFile {
  const added = new Map((file.added_tokens ?? []).map((token) => [token.content, token]))
  const idOf = (token: string): number | undefined => added.get(token)?.id ?? idIn(file.model, token)
  const roles = new Set(ROLES.map((role) => textOf(settings[role])))
  const lists = [settings.additional_special_tokens, settings.extra_special_tokens].flatMap((list) => (Array.isArray(list) ? list : []))
  for (const [id, token] of Object.entries(settings.added_tokens_decoder ?? {}).sort(([one], [two]) => Number(one) - Number(two))) {
    const content = textOf(token)
    if (content === undefined) continue
    const [before, after] = [added.get(content), addedToken(token, idOf(content) ?? Number(id))]
    const same = before && Object.entries(after).every(([setting, value]) => before[setting] === value)
    if (!same) added.set(content, { ...after, special: after.special === true || roles.has(content) })
  }
  for (const token of [...ROLES.map((role) => settings[role]), ...lists]) {
    const content = textOf(token)
    if (content === undefined || added.has(content)) continue
    const id = idOf(content)
    if (id !== undefined) added.set(content, addedToken(token, id, true))
  }
  const edges = settings.add_bos_token === undefined && settings.add_eos_token === undefined ? undefined : template(settings, idOf)
  return { ...file, added_tokens: [...added.values()], truncation: null, padding: null, ...(edges && { post_processor: edges }) }
}

/** The post-processor that puts begin and end of text around each text. */
function template(settings: Settings, idOf: (token: string) => number | undefined): TokenizerFile['post_processor'] {
  const edge = (wanted: unknown, role: string): string[] => {
    const token = textOf(settings[role])
    return wanted && token !== undefined && idOf(token) !== undefined ? [token] : []
  }
  const [begin, end] = [edge(settings.add_bos_token, 'bos_token'), edge(settings.add_eos_token, 'eos_token')]
  const special = (type_id: number) => (id: string) => ({ SpecialToken: { id, type_id } })
  const around = (id: string, type_id: number) => [...begin.map(special(type_id)), { Sequence: { id, type_id } }, ...end.map(special(type_id))]
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries([...begin, ...end].map((id) => [id, { id, ids: [idOf(id)], tokens: [id] }])),
  }
}
