// Token ids that are kept on disk by the text and the tokenizer that they are of.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hashFile } from '../checkpoint/index.js'
import type { Kept } from '../files/index.js'
import { describeEngine, tokenizerFiles } from '../tokenizer/index.js'
import type { Reader } from './reader.js'

/** Characters of texts that are worth a file. */
const WORTH = 2048

/** The reader of a folder, which encodes no texts twice. One of images is as it was. */
export async function keepTokens(reader: Reader, folder: string, kept: Kept): Promise<Reader> {
  if (!('encode' in reader)) return reader
  const files = [...tokenizerFiles(folder), 'config.json'].map((name) => join(folder, name)).filter(existsSync)
  const tokenizer = [describeEngine().tokenizers, ...(await Promise.all(files.map((file) => hashFile(file))))]
  const recall = <T>(texts: unknown[], key: unknown[], encode: () => Promise<T>): Promise<T> => {
    const text = JSON.stringify(texts)
    if (text.length < WORTH) return encode()
    return kept.recall(['tokens', ...tokenizer, ...key, createHash('sha256').update(text).digest('hex')], encode)
  }
  return {
    ...reader,
    encode: (texts, options) =>
      recall([...texts], ['texts', Boolean(options?.special)], () => reader.encode(texts, options)),
    encodePairs: (pairs) => recall([...pairs], ['segmented pairs'], () => reader.encodePairs(pairs)),
  }
}

/** The reader, which encodes the same list of texts once while it is held. Nobody may change the lists of ids. */
export function rememberTokens(reader: Reader): Reader {
  if (!('encode' in reader)) return reader
  const known = new Map<string, Promise<unknown>>()
  const recall = <T>(texts: unknown, encode: () => Promise<T>): Promise<T> => {
    const key = createHash('sha256').update(JSON.stringify(texts)).digest('hex')
    if (!known.has(key)) known.set(key, encode())
    return known.get(key) as Promise<T>
  }
  return {
    ...reader,
    encode: (texts, options) =>
      recall(['texts', Boolean(options?.special), texts], () => reader.encode(texts, options)),
    encodePairs: (pairs) => recall(['pairs', pairs], () => reader.encodePairs(pairs)),
  }
}
