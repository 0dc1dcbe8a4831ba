// Chat templates: messages as the text that a model was tuned on, by the jinja template of its own folder.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf, UserError } from '../errors/index.js'
import { CHAT_FUNCTIONS, compile, type Template } from '../jinja/index.js'
import { readObject, readText } from '../schema/index.js'
import { TOKEN_ROLES, textOf } from './file.js'
import { tokenizerSettings } from './settings.js'

export interface Message {
  role: string
  content: string
}

/** Text of the messages; with `answer`, the words that begin the assistant's turn follow. Special tokens are in the text. */
export type Chat = (messages: readonly Message[], options?: { answer?: boolean }) => string

interface Config {
  chat_template?: string | { name: string; template: string }[] | Record<string, string> | null
  extra_special_tokens?: unknown
  [role: string]: unknown
}

/** Special tokens by role as transformers gives them to a template: those that there are. */
function tokensOf(config: Config): Record<string, string> {
  const { extra_special_tokens: extra } = config
  const own = typeof extra === 'object' && extra !== null && !Array.isArray(extra) ? Object.entries(extra) : []
  const all = [...TOKEN_ROLES.map((role): [string, unknown] => [role, config[role]]), ...own].map(
    ([role, token]) => [role, textOf(token)] as const,
  )
  return Object.fromEntries(all.filter((entry): entry is readonly [string, string] => entry[1] !== undefined))
}

/** Where transformers 5.18 looks for the template that is used: a later file stands before an earlier one. */
const FILES = ['chat_template.jinja', 'additional_chat_templates/default.jinja']

/** A processor's template, for a tokenizer that has none. */
const PROCESSOR = 'chat_template.json'

/**
 * A file of FILES, or chat_template of tokenizer_config.json (the one named `default` of several), or of PROCESSOR; undefined when none is there.
 * @throws UserError for several, none of which is named `default`
 */
export async function readChatTemplate(folder: string): Promise<string | undefined> {
  const file = FILES.map((name) => join(folder, name)).findLast(existsSync)
  if (file) return readText(file)
  const own = (tokenizerSettings(folder) as Config).chat_template ?? undefined
  if (typeof own === 'string') return own
  if (own === undefined) return readProcessor(join(folder, PROCESSOR))
  const named = new Map(
    Array.isArray(own) ? own.map(({ name, template }) => [name, template] as const) : Object.entries(own),
  )
  if (!named.has('default'))
    throw new UserError(
      `${folder}: tokenizer_config.json has the chat templates ${[...named.keys()].join(', ')}, and none is named default`,
    )
  return named.get('default')
}

function readProcessor(path: string): string | undefined {
  const { chat_template: own } = existsSync(path) ? readObject(path) : {}
  return typeof own === 'string' ? own : undefined
}

/** The template, parsed. @param whose what the error names @throws UserError for what is not jinja */
export function parseChatTemplate(text: string, whose: string): Template {
  try {
    return compile(text, 'chat')
  } catch (cause) {
    throw new UserError(`${whose}: the chat template ${(cause as Error).message.replace(/\s+/g, ' ')}`, { cause })
  }
}

/** @throws UserError: the folder has no template, it is not jinja, or it refuses the messages */
export async function loadChat(folder: string): Promise<Chat> {
  const config = tokenizerSettings(folder) as Config
  const text = await readChatTemplate(folder)
  if (!text)
    throw new UserError(`${folder}: no chat template (chat_template.jinja, or chat_template of tokenizer_config.json)`)
  const template = parseChatTemplate(text, folder)
  const tokens = tokensOf(config)
  return (messages, { answer = false } = {}) => {
    const refuse = (reason: string) => new UserError(`${folder}: the chat template refuses these messages: ${reason}`)
    try {
      return template.fill(
        { ...tokens, messages, tools: null, documents: null, add_generation_prompt: answer },
        CHAT_FUNCTIONS,
      )
    } catch (error) {
      // Our own errors of templates are plain ones, and say the reason.
      throw refuse(
        (error as Error).constructor === Error ? (error as Error).message.replace(/\s+/g, ' ') : reasonOf(error),
      )
    }
  }
}
