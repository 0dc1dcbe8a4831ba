// What makes a batch of a task's items for a model: the tokenizer of its folder, or, for images, the preprocessor.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import type { Model } from '../models/index.js'
import { loadImageReader, type ImageReader } from '../tasks/pixels.js'
import type { Task } from '../tasks/task.js'
import { loadTokenizer, type Tokenizer } from '../tokenizer/index.js'

export type Reader = Tokenizer | ImageReader

/** The file of a model folder that says how its input is made. A model of images may have a tokenizer beside, for the names of its classes. */
export function readerFile(folder: string): 'tokenizer.json' | 'preprocessor_config.json' {
  return existsSync(join(folder, 'preprocessor_config.json')) ? 'preprocessor_config.json' : 'tokenizer.json'
}

/** @throws UserError of the tokenizer or the preprocessor */
export const loadReader = (folder: string): Promise<Reader> => (readerFile(folder) === 'tokenizer.json' ? loadTokenizer(folder) : loadImageReader(folder))

const ofImages = (reader: Reader): reader is ImageReader => 'deviation' in reader

/** The tokenizer, which adds no special tokens to chats. @throws UserError for a model of images on a task of text */
export function textFor(reader: Reader, { name, chat }: Pick<Task, 'name' | 'chat'>): Tokenizer {
  if (ofImages(reader)) throw new UserError(`task ${name} is of text, and the model reads images`)
  return chat ? { ...reader, encode: (texts) => reader.encode(texts) } : reader
}

/** @throws UserError for a model of text on a task of images */
export function imagesFor(reader: Reader, { name }: Pick<Task, 'name'>): ImageReader {
  if (!ofImages(reader)) throw new UserError(`task ${name} is of images, and the model reads text`)
  return reader
}

/** @throws UserError for a tokenizer that gives ids beyond the model's embedding */
export function checkReader(folder: string, reader: Reader, model: Model): void {
  if (!('vocabulary' in reader) || reader.vocabulary <= model.vocabulary || model.vocabulary === 0) return
  throw new UserError(`${folder}: the tokenizer has ${reader.vocabulary} entries, and the model's embedding ${model.vocabulary} rows`)
}
