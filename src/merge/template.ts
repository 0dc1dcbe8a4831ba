// The chat template of a merged model: one by name, a text of jinja, or what most of its models have.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { companionsOf, rewriteJson } from '../checkpoint/index.js'
import { UserError, unknown } from '../errors/index.js'
import { parseJson, readText } from '../schema/index.js'
import { CHAT_TEMPLATES, parseChatTemplate, readChatTemplate } from '../tokenizer/index.js'
import type { MergeModels } from './open.js'

/** Files of templates that transformers takes before tokenizer_config.json. */
const BEFORE = {
  'chat_template.jinja': null,
  'chat_template.json': null,
  'additional_chat_templates/default.jinja': null,
}

/** What the words of a file stand for; undefined for `auto` where no model has a template. */
async function findTemplate(given: string, { all }: MergeModels): Promise<string | undefined> {
  if (given in CHAT_TEMPLATES) return CHAT_TEMPLATES[given]
  if (given !== 'auto') {
    if (!given.includes('{'))
      throw unknown('chat_template', given, ['auto', ...Object.keys(CHAT_TEMPLATES), 'or a text of jinja'])
    return given
  }
  const counts = new Map<string, number>()
  for (const { checkpoint } of all) {
    const text = (await readChatTemplate(companionsOf(checkpoint)))?.trim()
    if (text) counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  // Of several that are equally frequent, the first: the sort keeps their order.
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0]
}

/**
 * Files of the merged folder; errors are about `chat_template`. The template goes into tokenizer_config.json, which every version of
 * transformers reads, or into a file of its own beside a lone tokenizer.json.
 */
export async function chooseTemplate(
  given: string,
  models: MergeModels,
  { tokenizerFrom, files }: { tokenizerFrom: string; files: Record<string, string | null> },
): Promise<Record<string, string | null>> {
  const template = await findTemplate(given, models)
  if (template === undefined) return {}
  parseChatTemplate(template, JSON.stringify(given))
  const own = join(tokenizerFrom, 'tokenizer_config.json')
  const before = files['tokenizer_config.json'] ?? (existsSync(own) ? readText(own) : null)
  if (before === null) {
    if (!('tokenizer.json' in files) && !existsSync(join(tokenizerFrom, 'tokenizer.json')))
      throw new UserError(`${tokenizerFrom} has no tokenizer.json, and so no tokenizer to use it`, { path: [] })
    return { ...BEFORE, 'chat_template.jinja': template }
  }
  const text = rewriteJson(before, { ...(parseJson(before, own) as object), chat_template: template })
  // Beside further templates in files of their own, the one in tokenizer_config.json is not read.
  const isHidden = existsSync(join(tokenizerFrom, 'additional_chat_templates'))
  return {
    ...BEFORE,
    'tokenizer_config.json': `${text.trimEnd()}\n`,
    'chat_template.jinja': isHidden ? template : null,
  }
}
