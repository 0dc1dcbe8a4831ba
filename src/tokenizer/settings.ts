// What the files of a folder say of its tokenizer beside tokenizer.json, as transformers 5.18 puts it together: special tokens,
// added tokens, the chat template.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readObject } from '../schema/index.js'
import { classDefaults, openedClass } from './class-defaults.js'
import { TOKEN_ROLES, type TokenizerConfig, type TokenizerFile, textOf } from './file.js'
import { readAddedTokens, readTokenizerConfig, readTokensMap } from './schema.js'

const CONFIG = 'tokenizer_config.json'
const MAP = 'special_tokens_map.json'
const ADDED = 'added_tokens.json'

/** Files of older versions count where tokenizer_config.json does not list the added tokens. */
const olderFiles = (folder: string, { added_tokens_decoder: decoder }: TokenizerConfig): string[] =>
  decoder ? [] : [MAP, ADDED].filter((name) => existsSync(join(folder, name)))

/** With the additional special tokens under their newer name, which special_tokens_map.json does not replace. */
function readConfig(folder: string): TokenizerConfig {
  if (!existsSync(join(folder, CONFIG))) return {}
  const config = readTokenizerConfig(join(folder, CONFIG))
  const { extra_special_tokens: extra, additional_special_tokens: older } = config
  const none = !extra || Object.keys(extra).length === 0
  return older && none ? { ...config, extra_special_tokens: older } : config
}

/** Names of the files that say more of the tokenizer of a folder than its tokens; config.json may name its class. */
export const settingsFiles = (folder: string): string[] => [CONFIG, ...olderFiles(folder, readConfig(folder))]

/** Lists of both files are one list, and names of both files one mapping. */
function joinExtra(config: unknown, map: unknown): TokenizerConfig {
  if (!config || !map) return {}
  if (Array.isArray(map)) return { extra_special_tokens: [...Object.values(config), ...map] }
  return { extra_special_tokens: Array.isArray(config) ? map : { ...config, ...(map as object) } }
}

/** The tokens of added_tokens.json as tokenizer_config.json would list them. */
function listAdded(ids: Readonly<Record<string, number>>, settings: TokenizerConfig): TokenizerConfig[string] {
  const special = new Set(TOKEN_ROLES.map((role) => textOf(settings[role])))
  return Object.fromEntries(
    Object.entries(ids).map(([content, id]) => [id, { content, special: special.has(content) }]),
  )
}

/** What special_tokens_map.json says, in the form of tokenizer_config.json, for a file that lists the added tokens itself; nothing where it does not count. */
export function mapTokens(folder: string): TokenizerConfig {
  const config = readConfig(folder)
  if (!olderFiles(folder, config).includes(MAP)) return {}
  const map = readTokensMap(join(folder, MAP))
  const written = (value: unknown) =>
    textOf(value) === undefined || typeof value === 'string' ? value : { __type: 'AddedToken', ...(value as object) }
  const tokens = { ...map, ...joinExtra(config.extra_special_tokens, map.extra_special_tokens) }
  return Object.fromEntries(Object.entries(tokens).map(([role, value]) => [role, written(value)]))
}

/** Files of byte-level BPE are published with Llama's class: version 5.24 opens them with the class that takes the file as it is. */
const bytewise = ({ pre_tokenizer, decoder }: TokenizerFile): boolean =>
  JSON.stringify([pre_tokenizer, decoder]).includes('"ByteLevel"')

/** The class that opens a tokenizer, by name, and the type of the model. */
function classNames(
  folder: string,
  { tokenizer_class: own }: TokenizerConfig,
  file?: TokenizerFile,
): [named?: string, type?: string] {
  const config = join(folder, 'config.json')
  const model = existsSync(config) ? readObject(config) : {}
  const word = (...values: unknown[]) => values.find((value): value is string => typeof value === 'string')
  const named = word(own, model.tokenizer_class)
  const plain = file && /^Llama(Tokenizer)?(Fast)?$/.test(named ?? '') && bytewise(file)
  return [plain ? 'TokenizersBackend' : named, word(model.model_type)] as [string?, string?]
}

/** The class that transformers opens, without `Tokenizer`; undefined where no file tells. */
export const tokenizerClass = (folder: string, file?: TokenizerFile): string | undefined => {
  const [named, type] = classNames(folder, readConfig(folder), file)
  return openedClass(named, type)
}

/**
 * tokenizer_config.json completed: special_tokens_map.json goes before it; padding of tokenizer.json, and what the
 * tokenizer's class has by default, come after it. A token that it sets to null is none.
 * @throws UserError for a file that is not what it must be
 */
export function tokenizerSettings(folder: string, file?: TokenizerFile): TokenizerConfig {
  const settings = { ...readConfig(folder) }
  for (const name of olderFiles(folder, settings)) {
    const path = join(folder, name)
    if (name === MAP) {
      const map = readTokensMap(path)
      Object.assign(settings, map, joinExtra(settings.extra_special_tokens, map.extra_special_tokens))
    } else {
      const known = new Set(file?.added_tokens?.map(({ content }) => content))
      const fresh = Object.entries(readAddedTokens(path)).filter(([content]) => !known.has(content))
      if (fresh.length) settings.added_tokens_decoder = listAdded(Object.fromEntries(fresh), settings)
    }
  }
  const padding = file?.padding as { pad_token?: unknown } | null | undefined
  return {
    ...(typeof padding?.pad_token === 'string' && { pad_token: padding.pad_token }),
    ...classDefaults(...classNames(folder, settings, file)),
    ...settings,
  }
}
