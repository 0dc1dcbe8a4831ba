// A base and a fine-tune of it that hold what folders may hold: many formats, shards, shared and new tensors, more rows, other files.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { file } from '../checkpoint/files.js'
import { write } from '../layouts/write.js'

/** Bytes of a tensor by its name: dtype, shape, bytes. */
export type Raw = Record<string, readonly [dtype: string, shape: number[], bytes: Uint8Array]>

export function rawFile(tensors: Raw, metadata: Record<string, string> = { format: 'pt' }): Buffer {
  let at = 0
  const entries = Object.entries(tensors).map(([name, [dtype, shape, bytes]]) => {
    at += bytes.length
    return [name, { dtype, shape, data_offsets: [at - bytes.length, at] }]
  })
  return file(
    { ...Object.fromEntries(entries), __metadata__: metadata },
    Buffer.concat(Object.values(tensors).map(([, , bytes]) => bytes)),
  )
}

let state = 7
export const random = (most: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 2 ** 32) * most)
}
const noise = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, () => random(256))

/** Bytes of which some differ a little. */
function near(bytes: Uint8Array, width: number): Uint8Array {
  const moved = bytes.slice()
  for (let at = 0; at < moved.length; at += width) moved[at]! += random(5) - 2
  return moved
}

const FORMATS = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I8: 1, U8: 1, BOOL: 1, F8_E4M3: 1, F8_E5M2: 1 }

/** Writes `base` and `post` into a folder. The fine-tune is in two shards; its tokenizer is the base's. */
export function writePair(folder: string): { base: string; post: string } {
  const [base, post] = [join(folder, 'base'), join(folder, 'post')]
  const before: Raw = {}
  const after: Raw = {}
  for (const [dtype, width] of Object.entries(FORMATS)) {
    const bytes = noise(60 * width)
    before[`layer.${dtype}.weight`] = [dtype, [6, 10], bytes]
    after[`layer.${dtype}.weight`] = [dtype, [6, 10], near(bytes, width)]
  }
  const rows = noise(400)
  Object.assign(before, {
    'embed.weight': ['BF16', [20, 10], rows],
    'fewer.weight': ['BF16', [20, 10], rows],
    'norm.weight': ['F32', [8], noise(32)],
    'cast.weight': ['F32', [50], noise(200)],
    scalar: ['F32', [], noise(4)],
    empty: ['F32', [0, 4], new Uint8Array()],
  })
  Object.assign(after, {
    'embed.weight': ['BF16', [23, 10], Uint8Array.from([...near(rows, 2), ...noise(60)])],
    'fewer.weight': ['BF16', [15, 10], near(rows.slice(0, 300), 2)],
    'norm.weight': before['norm.weight'],
    'cast.weight': ['BF16', [50], noise(100)],
    scalar: ['F32', [], noise(4)],
    empty: before.empty,
    'score.weight': ['F32', [3, 5], noise(60)],
  })
  const head = after['embed.weight']!
  const index = {
    metadata: { total_size: 1 },
    weight_map: Object.fromEntries(Object.keys(after).map((name) => [name, 'a.safetensors'])),
  }
  const tokenizer = JSON.stringify({
    version: '1.0',
    model: { vocab: Array.from({ length: 300 }, (_, i) => `token ${i}`) },
  })
  for (const path of [base, post]) mkdirSync(path)
  write(base, {
    'model.safetensors': rawFile(before),
    'config.json': '{"model_type": "test"}',
    'tokenizer.json': tokenizer,
  })
  write(post, {
    'a.safetensors': rawFile(after, { format: 'pt', note: 'in an order of its own' }),
    'b.safetensors': rawFile({ 'lm_head.weight': head }, {}),
    'model.safetensors.index.json': {
      ...index,
      weight_map: { ...index.weight_map, 'lm_head.weight': 'b.safetensors' },
    },
    'config.json': '{"model_type": "test",   "architectures": []}\n',
    'tokenizer.json': tokenizer,
    'below/adapter.txt': 'text\r\n',
    'training_args.bin': noise(100),
    nothing: '',
    '.hidden': 'left',
  })
  return { base, post }
}
