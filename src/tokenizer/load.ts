// The tokenizer of a model folder: its files as what transformers makes of them.
import { join } from 'node:path'
import { reasonOf, UserError } from '../errors/index.js'
import { track } from '../progress/index.js'
import { openedFile } from './class-parts.js'
import { idOf, type TokenizerFile, textOf } from './file.js'
import { openEngine } from './open.js'
import { tokenizerClass, tokenizerSettings } from './settings.js'
import type { Tokenizer } from './tokenizer.js'
import { tokenizerFileOf } from './vocabulary-files.js'

/**
 * Reads the tokenizer of a model folder. End-of-text is `eos_token`, or `sep_token` for encoders that have none; padding is
 * `pad_token`, or end-of-text, or 0: what is padded counts for nothing.
 * @throws UserError: it has none that is read, or a file is not what it must be
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, 'tokenizer.json')
  const file = tokenizerFileOf(folder)
  const settings = tokenizerSettings(folder, file)
  const name = tokenizerClass(folder, file)
  const opened = openedFile(file, settings, name)
  const engine = await named(path, () => openEngine(opened))
  const reader = settings.split_special_tokens === true ? await openEngine(withoutSpecial(opened)) : engine
  const idOfRole = (role: string): number | undefined => {
    const text = textOf(settings[role])
    return text ? engine.idOf(text) : undefined
  }
  const eos = idOfRole('eos_token') ?? idOfRole('sep_token')
  const end = textOf(settings.eos_token) ?? textOf(settings.sep_token)
  const inputs = settings.model_input_names
  const plain = settings.tokenizer_class === 'SiglipTokenizer' ? canonical(settings.do_lower_case !== false) : undefined
  const segmented = Array.isArray(inputs) && inputs.includes('token_type_ids')
  const said =
    settings.clean_up_tokenization_spaces === true && file.model.type !== 'BPE' ? cleanUp : (text: string) => text
  return {
    encode: (texts, { special = false } = {}) =>
      named(path, () => inParts(plain ? texts.map(plain) : texts, (part) => reader.encode(part, special))),
    encodePairs: async (pairs) => {
      const all = await named(path, () => inParts(pairs, (part) => reader.encodePairs(part)))
      return segmented ? all : all.map(({ ids }) => ({ ids, types: ids.map(() => 0) }))
    },
    decode: (ids) => said(engine.decode(Array.from(ids))),
    vocabulary: engine.size,
    eos,
    bos: idOfRole('bos_token'),
    written: { eos: end, bos: textOf(settings.bos_token) ?? end },
    pad: idOfRole('pad_token') ?? eos ?? 0,
    unmarked: Array.isArray(inputs) && !inputs.includes('attention_mask'),
    mask: idOfRole('mask_token'),
  }
}

/** The tokenizer that finds no special tokens in a text. Those of no vocabulary keep their place, for the ids of the others. */
function withoutSpecial(file: TokenizerFile): TokenizerFile {
  const added = (file.added_tokens ?? [])
    .filter(({ content, special }) => !special || idOf({ model: file.model }, content) === undefined)
    .map((token, i) => (token.special ? { ...token, content: `\u{10ffff}${i}` } : token))
  return { ...file, added_tokens: added }
}

/** What transformers' class of SigLIP makes of a text, whatever its file says: small letters, no ASCII punctuation, single spaces. */
const canonical = (lower: boolean) => (text: string) =>
  (lower ? text.toLowerCase() : text)
    .replace(/[!-/:-@[-`{-~]/g, '')
    .replace(/\s+/g, ' ')
    .trim()

/** Texts whose encodings an engine holds at once: each holds its tokens' texts and places too. */
const TOGETHER = 512

async function inParts<In, Out>(all: readonly In[], work: (part: readonly In[]) => Promise<Out[]>): Promise<Out[]> {
  if (all.length <= TOGETHER) return work(all)
  const results: Out[] = []
  await track({ name: 'tokenise', unit: 'texts', total: all.length }, async ({ add }) => {
    for (let at = 0; at < all.length; at += TOGETHER) {
      const part = all.slice(at, at + TOGETHER)
      for (const each of await work(part)) results.push(each)
      add(part.length)
    }
  })
  return results
}

/** The core finds some faults of a file only when it meets a letter that needs what is missing. */
async function named<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof UserError) throw new UserError(`${path}: ${cause.message}`, { cause })
    throw new UserError(`${path} is not a tokenizer that can be read: ${reasonOf(cause)}`, { cause })
  }
}

/** What transformers takes out of decoded text where a tokenizer of words or word pieces asks for it; of BPE never. */
const SPACED = [' .', ' ?', ' !', ' ,', " ' ", " n't", " 'm", " 's", " 've", " 're"]

const cleanUp = (text: string): string =>
  SPACED.reduce((cleaned, spaced) => cleaned.replaceAll(spaced, spaced.trim()), text)
