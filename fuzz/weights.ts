// Files of weights that are decoded: quantised and packed safetensors, files of torch.save, GGUF.
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Checkpoint, companionsOf, isFloating, openCheckpoint } from '../src/checkpoint/index.js'
import { packageRoot } from '../src/files/index.js'
import { digest, type Kind, type Sample } from './kind.js'

const fixture = (name: string) => join(packageRoot, 'test', 'fixtures', name)

/** Of a tensor that is no weight, the bytes. */
const valuesOf = ({ tensors, read, readBytes }: Checkpoint, name: string) =>
  isFloating(tensors.get(name)!.dtype) ? read(name) : readBytes(name)

/** Names, shapes and digests of the tensors. */
export async function sumsOf(opening: Promise<Checkpoint>): Promise<unknown> {
  const checkpoint = await opening
  try {
    const sums: [string, unknown][] = []
    for (const [name, { shape }] of checkpoint.tensors)
      sums.push([name, [shape, digest(await valuesOf(checkpoint, name))]])
    return sums.sort(([a], [b]) => (a < b ? -1 : 1))
  } finally {
    await checkpoint.close()
  }
}

/** What a GGUF file holds: its weights, and its tokenizer where it describes one. */
async function ggufOf(file: string): Promise<unknown> {
  const checkpoint = await openCheckpoint(file)
  const folder = companionsOf(checkpoint)
  const sums = await sumsOf(Promise.resolve(checkpoint))
  if (checkpoint.tokenizerFault !== undefined || folder === file) return sums
  return [sums, readFileSync(join(folder, 'tokenizer.json'), 'utf8').length]
}

/** Each of these fixtures of weights, with a change in this file. */
const weights =
  (names: readonly string[], file: string) =>
  (folder: string): Sample[] =>
    names.map((name) => {
      const to = join(folder, name.replaceAll('/', '-'))
      cpSync(fixture(name), to, { recursive: true })
      return { file: join(to, file), read: () => sumsOf(openCheckpoint(to)) }
    })

const formats = (...names: string[]): string[] => names.map((name) => `formats/${name}`)
const QUANTISED = formats('bnb-fp4', 'bnb-int8', 'bnb-nf4-double', 'fp8-block-f32', 'fp8-block-scales', 'fp8-static')
const PACKED = formats(
  ...['gptq-4bit', 'gptq-4bit-act-order', 'awq-4bit', 'ct-pack-3bit', 'ct-pack-4bit-asymmetric', 'ct-pack-8bit'],
  ...['ct-int-group', 'ct-mxfp4', 'ct-nvfp4', 'mxfp4'],
)
const TORCH = ['zip', 'legacy', 'views', 'views-legacy', 'shared-views', 'types', 'trainer', 'protocol-4'].map(
  (name) => `torch/${name}`,
)
const GGUF = [
  ...formats('gguf-llama-q8_0', 'gguf-gpt2', 'gguf-gemma3', 'gguf-blocks', 'gguf-more-blocks', 'gguf-qwen3moe'),
  'gguf/model',
  ...['llama2', 'gemma2', 'qwen2'].map((name) => `gguf/tokenizers/${name}`),
]

export const WEIGHTS: Kind[] = [
  { name: 'quantised weights', form: 'safetensors', open: weights(QUANTISED, 'model.safetensors') },
  { name: 'quantisation config', form: 'json', open: weights(QUANTISED, 'config.json') },
  { name: 'packed weights', form: 'safetensors', open: weights(PACKED, 'model.safetensors') },
  { name: 'packing config', form: 'json', open: weights(PACKED, 'config.json') },
  { name: 'torch file', form: 'bytes', open: weights(TORCH, 'pytorch_model.bin') },
  {
    name: 'GGUF file',
    form: 'bytes',
    open: (folder) =>
      weights(
        GGUF,
        'model.gguf',
      )(folder).map(({ file }) => {
        const place = existsSync(file) ? file : file.replace('model.gguf', 'model-F16.gguf')
        return { file: place, read: () => ggufOf(place) }
      }),
  },
]
