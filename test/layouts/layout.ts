// What a published checkpoint is made of, and the folders that are written of it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/files/index.js'
import { loadModel } from '../../src/models/index.js'
import { draw, type Storage, type Tensor, weightFiles, write } from './write.js'

export type Config = Record<string, unknown>
export type Shapes = Record<string, readonly number[]>
export type Files = Readonly<Record<string, string | Uint8Array | object>>

export interface Published {
  /** Name on the hub. */
  repo: string
  config: Config
  /** Tensors by the name that base and fine-tune share. */
  shapes: Shapes
  dtype?: Tensor['dtype']
  /** Several where the same weights lie there twice. */
  storage: readonly Storage[]
  /** What the file calls a tensor; null where it lacks it. */
  spell?: (name: string) => string | null
  /** Tensors that are stored copies of others. */
  copies?: Readonly<Record<string, string>>
  /** Tensors beside the model's: buffers, packed codes. */
  more?: readonly Tensor[]
  files: Files
}

export interface Layout {
  base: Published
  post: Published
  /** What the fine-tune does, where it can be run; otherwise what its class is asked for. */
  task: 'text' | 'classes' | 'value' | 'images'
}

const NORM = /norm|\.ln_[12f]\.|layrnorm/i

/** The tensors of base (`tuned` false) or fine-tune: its weights are the base's and a little more. */
function tensorsOf(published: Published, tuned: boolean): Tensor[] {
  const { shapes, dtype = 'F32', spell = (name) => name, copies = {}, more = [] } = published
  const own = Object.entries(shapes).flatMap(([name, shape]): Tensor[] => {
    const stored = spell(name)
    if (stored === null) return []
    const count = shape.reduce((a, b) => a * b, 1)
    const [first, change] = [draw(copies[name] ?? name, count, 1), draw(copies[name] ?? name, count, 2)]
    const centre = NORM.test(name) && name.endsWith('weight') ? 1 : 0
    const values = first.map((value, i) => centre + 0.1 * value + (tuned ? 0.01 * change[i]! : 0))
    return [{ name: stored, shape, dtype, values }]
  })
  return [...own, ...more]
}

/** Writes the folder of a base or a fine-tune. */
export function writePublished(folder: string, published: Published, tuned: boolean): void {
  const tensors = tensorsOf(published, tuned)
  for (const storage of published.storage) write(folder, weightFiles(tensors, storage))
  write(folder, {
    'config.json': published.config,
    'README.md': `# ${published.repo}\n`,
    '.gitattributes': '',
    ...published.files,
  })
}

/** The tensors of an architecture that is run. */
export const shapesOf = (config: Config): Shapes => loadModel(config).shapes

const FIXTURES = join(packageRoot, 'test/fixtures/tokenizers')
export type TokenizerName = 'bert-wordpiece' | 'llama2-bpe' | 'llama3-bpe' | 'qwen2-bpe' | 'roberta-bpe' | 'unigram'

/**
 * Files of a small tokenizer of the right kind.
 * @param settings what the published tokenizer_config.json says
 * @param more tokens that the published tokenizer.json has besides
 */
export function tokenizerFiles(name: TokenizerName, settings?: object, more: readonly string[] = []): Files {
  const read = (file: string) => JSON.parse(readFileSync(join(FIXTURES, name, file), 'utf8'))
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const tokenizer = read('tokenizer.json')
  for (const content of more)
    tokenizer.added_tokens.push({
      id: Object.keys(tokenizer.model.vocab).length + more.indexOf(content),
      content,
      ...plain,
    })
  return {
    'tokenizer.json': tokenizer,
    'tokenizer_config.json': settings ?? read('tokenizer_config.json'),
  }
}

/** A buffer of whole numbers from 0 on, or of ones. */
export const counting = (name: string, length: number): Tensor => ({
  name,
  shape: [1, length],
  dtype: 'I64',
  values: new Uint8Array(BigInt64Array.from({ length }, (_, i) => BigInt(i)).buffer),
})
export const buffer = (name: string, shape: readonly number[], value: number): Tensor => ({
  name,
  shape,
  dtype: 'F32',
  values: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value),
})
