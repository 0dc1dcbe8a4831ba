// What makes a batch of a task's items for a model: the tokenizer of its folder, or, for images, the preprocessor.
import { type Checkpoint, homeOf, inputsOf } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import type { Model } from '../models/index.js'
import { type ImageReader, loadImageReader } from '../tasks/index.js'
import { loadTokenizer, type Tokenizer, withinRows, withPrompt } from '../tokenizer/index.js'
import { endsOf, type GenerationConfig, readGenerationConfig } from './generation_config.js'

/** A tokenizer, with what its model's folder says of generation. */
export type TextReader = Tokenizer & { generation?: GenerationConfig }
export type Reader = TextReader | ImageReader

type Seen = Pick<Model, 'sequence'>

/**
 * Whether a model is given images. Its files do not say it: a model of images may have a tokenizer beside, for the names of its classes,
 * and one of texts a preprocessor, for a part that sees and is not run.
 */
export const readsImages = ({ sequence }: Seen): boolean => sequence !== undefined

/** @param home where generation_config.json is, if elsewhere. @throws UserError of the tokenizer, of generation_config.json, or the preprocessor */
export const loadReader = (folder: string, model: Seen, home = folder): Promise<Reader> =>
  readsImages(model) ? loadImageReader(folder) : loadText(folder, home)

/** The reader of a checkpoint and its model. @throws UserError as loadReader */
export const openReader = (checkpoint: Checkpoint, model: Seen): Promise<Reader> =>
  loadReader(inputsOf(checkpoint), model, homeOf(checkpoint))

/** As loadReader, of a folder that is known to be of text. Where the tokenizer names no end-of-text, that of generation counts. */
export async function loadText(folder: string, home = folder): Promise<TextReader> {
  const [tokenizer, generation] = [await loadTokenizer(folder), readGenerationConfig(home)]
  return { ...tokenizer, eos: tokenizer.eos ?? endsOf(generation)[0], generation }
}

const ofImages = (reader: Reader): reader is ImageReader => 'deviation' in reader

/**
 * The tokenizer, which adds no special tokens to chats, none to a text that begins with the begin-of-text token (`begun`: it adds
 * them there too), and the trained tokens of the model to what an encoder reads.
 * @throws UserError for a model of images on a task of text, and for an id without a row in the model's embedding
 */
export function textFor(
  reader: Reader,
  { name, chat, begun = false }: { name: string; chat?: true; begun?: boolean },
  model: Pick<Model, 'vocabulary' | 'prompt'>,
): TextReader {
  if (ofImages(reader)) throw new UserError(`task ${name} is of text, and the model reads images`)
  const bos = reader.written?.bos
  const begins = (text: string) => !begun && Boolean(bos) && text.startsWith(bos!)
  const encode: Tokenizer['encode'] = async (texts, { special = false } = {}) => {
    const whole = await reader.encode(texts, { special: special && !chat })
    if (!special || chat || !texts.some(begins)) return whole
    const bare = await reader.encode(texts)
    return texts.map((text, i) => (begins(text) ? bare[i]! : whole[i]!))
  }
  const what = `task ${name}`
  return withPrompt(withinRows({ ...reader, encode }, model.vocabulary, what), model, what)
}

/** @throws UserError for a model of text on a task of images */
export function imagesFor(reader: Reader, { name }: { name: string }): ImageReader {
  if (!ofImages(reader)) throw new UserError(`task ${name} is of images, and the model reads text`)
  return reader
}
