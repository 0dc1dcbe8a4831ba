// What the state of an interrupted training run belongs to.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hashFile } from '../checkpoint/index.js'
import type { Training } from '../config/index.js'
import { imageFile } from '../tasks/index.js'
import { tokenizerFiles } from '../tokenizer/index.js'

/**
 * The recipe, the weights at the beginning, and the content of its data and its tokenizer.
 * @param companions folder of the tokenizer or the preprocessor @param at the place of a path of the recipe
 */
export async function identityOf(
  recipe: Training,
  initial: Float32Array,
  { companions, at }: { companions: string; at(path: string): string },
): Promise<string> {
  const { corpus, items, masked, labelled, images } = recipe
  const readers = [...tokenizerFiles(companions), imageFile(companions) ?? []].flat()
  const data = [corpus, items, masked, labelled, images].flatMap((path) => (path === undefined ? [] : [at(path)]))
  const files = [...data, ...readers.map((name) => join(companions, name))].filter((path) => existsSync(path))
  const bytes = new Uint8Array(initial.buffer, initial.byteOffset, initial.byteLength)
  const weights = createHash('sha256').update(bytes).digest('hex')
  return JSON.stringify({ recipe, weights, files: await Promise.all(files.map((path) => hashFile(path))) })
}
