// Opening folders: the fixtures read equal in every layout, broken folders are named.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { encode } from '../../src/checkpoint/dtype.js'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { assertClose } from '../close.js'
import { file, folder, LLAMA3, stored, temporary } from './files.js'

const root = temporary()

test('the fixture: names, shapes and values as float32 lie in the file', async () => {
  const post = await openCheckpoint(`${LLAMA3}/post`)
  assert.equal(post.config?.model_type, 'llama')
  assert.equal(post.tensors.size, 30)
  const { shape, begin, end, file } = post.tensors.get('model.layers.1.mlp.up_proj.weight')!
  assert.deepEqual(shape, [96, 48])
  const bytes = readFileSync(file).subarray(begin, end)
  const values = await post.read('model.layers.1.mlp.up_proj.weight')
  assert.equal(values.length, 96 * 48)
  for (const i of [0, 1, 4607]) assert.equal(values[i], bytes.readFloatLE(i * 4))
  await post.close()
})

test('the three bf16 shards hold the float32 weights rounded to nearest even, as PyTorch rounded them', async () => {
  const [post, half] = [await openCheckpoint(`${LLAMA3}/post`), await openCheckpoint(`${LLAMA3}/post-bf16`)]
  assert.deepEqual([...half.tensors.keys()].sort(), [...post.tensors.keys()].sort())
  for (const name of post.tensors.keys()) {
    const values = await post.read(name)
    const rounded = encode('BF16', values)
    assert.deepEqual(Buffer.from(await half.readBytes(name)), Buffer.from(rounded), name)
    const upper = await half.read(name)
    assertClose(upper, values, { relative: 2 ** -8 }, name)
  }
  await Promise.all([post.close(), half.close()])
})

test('hashes are the SHA-256 of the files', async () => {
  const half = await openCheckpoint(`${LLAMA3}/post-bf16`)
  const hashes = await half.hashes()
  assert.deepEqual(
    Object.keys(hashes),
    ['config.json', 1, 2, 3].map((i) => (typeof i === 'string' ? i : `model-0000${i}-of-00003.safetensors`)),
  )
  for (const [name, hash] of Object.entries(hashes)) {
    assert.equal(
      hash,
      createHash('sha256')
        .update(readFileSync(join(LLAMA3, 'post-bf16', name)))
        .digest('hex'),
    )
  }
})

test('F16 and F64 become float32, other formats are refused as weights and kept as bytes', async () => {
  const path = join(root, 'formats')
  mkdirSync(path)
  const header = {
    half: { dtype: 'F16', shape: [2], data_offsets: [0, 4] },
    double: { dtype: 'F64', shape: [1], data_offsets: [4, 12] },
    mask: { dtype: 'BOOL', shape: [2], data_offsets: [12, 14] },
  }
  const data = Buffer.alloc(14)
  data.writeUInt16LE(0x3c00, 0)
  data.writeUInt16LE(0x8001, 2)
  data.writeDoubleLE(0.1, 4)
  data[13] = 1
  writeFileSync(join(path, 'model.safetensors'), file(header, data))
  const checkpoint = await openCheckpoint(path)
  assert.equal(checkpoint.config, null)
  assert.deepEqual([...(await checkpoint.read('half'))], [1, -(2 ** -24)])
  assert.deepEqual([...(await checkpoint.read('double'))], [Math.fround(0.1)])
  await assert.rejects(checkpoint.read('mask'), /tensor "mask" is BOOL and cannot be read as weights/)
  assert.deepEqual([...(await checkpoint.readBytes('mask'))], [0, 1])
  await assert.rejects(checkpoint.read('hal'), /unknown tensor in .* "hal"; did you mean "half"/)
  await checkpoint.close()
})

test('a tensor longer than one read comes whole and in order', async () => {
  const path = join(root, 'long')
  mkdirSync(path)
  const n = 5 * 1024 * 1024 // 10 MB of bf16: more than two reads
  const halves = Uint16Array.from({ length: n }, (_, i) => i % 0x7f00)
  writeFileSync(
    join(path, 'model.safetensors'),
    file({ a: { dtype: 'BF16', shape: [n], data_offsets: [0, 2 * n] } }, new Uint8Array(halves.buffer)),
  )
  const checkpoint = await openCheckpoint(path)
  const bits = new Uint32Array((await checkpoint.read('a')).buffer)
  assert.ok(bits.every((word, i) => word === halves[i]! << 16))
  await checkpoint.close()
})

test('NaN and Inf are named with tensor, count and first index', async () => {
  const checkpoint = await openCheckpoint(
    folder(join(root, 'nan'), {
      good: [[1], [1]],
      bad: [
        [2, 2],
        [0, Infinity, 2, NaN],
      ],
    }),
  )
  await assert.rejects(checkpoint.read('bad'), {
    name: 'UserError',
    message: /tensor "bad" holds 2 NaN or Inf of 4 values, the first at index 1 \(Infinity\)/,
  })
  await assert.rejects(checkpoint.readEntries('bad', { from: 2, to: 4 }), {
    message: /tensor "bad" holds 1 NaN or Inf of 2 values from index 2 on, the first at index 3 \(NaN\)/,
  })
  assert.deepEqual([...(await checkpoint.read('good'))], [1])
  await checkpoint.close()
  // 1, NaN and −∞: as a number like the others the last one would be −65536.
  const half = await openCheckpoint(
    stored(join(root, 'nan16'), { bad: ['F16', [3], '\x00\x3c\x01\x7c\x00\xfc'] }, null),
  )
  await assert.rejects(half.read('bad'), {
    message: /tensor "bad" holds 2 NaN or Inf of 3 values, the first at index 1 \(NaN\)/,
  })
  await half.close()
})

/** A copy of the sharded fixture with one thing broken. */
async function broken(
  name: string,
  spoil: (path: string, index: { weight_map: Record<string, unknown> }) => void,
): Promise<string> {
  const path = join(root, name)
  cpSync(`${LLAMA3}/post-bf16`, path, { recursive: true })
  const index = JSON.parse(readFileSync(join(path, 'model.safetensors.index.json'), 'utf8'))
  spoil(path, index)
  writeFileSync(join(path, 'model.safetensors.index.json'), JSON.stringify(index))
  const error = await openCheckpoint(path).then(
    () => assert.fail('was accepted'),
    (error) => error,
  )
  assert.equal(error.name, 'UserError', error.stack)
  return error.message
}

test('broken indexes are named', async () => {
  const lines = {
    escape: await broken('escape', (_, { weight_map: map }) => (map['lm_head.weight'] = '../post/model.safetensors')),
    absolute: await broken('absolute', (_, { weight_map: map }) => (map['lm_head.weight'] = '/etc/passwd')),
    missing: await broken('missing', (path) => rmSync(join(path, 'model-00002-of-00003.safetensors'))),
    list: await broken('list', (_, index) => (index.weight_map = [] as never)),
    empty: await broken('empty', (_, index) => (index.weight_map = {})),
  }
  assert.match(
    lines.escape,
    /tensor "lm_head.weight": shard "\.\.\/post\/model.safetensors" is no path of a file in the folder/,
  )
  assert.match(lines.absolute, /shard "\/etc\/passwd" is no path of a file in the folder/)
  assert.match(lines.missing, /shard "model-00002-of-00003.safetensors" is missing/)
  assert.match(lines.list, /weight_map is not an object/)
  assert.match(lines.empty, /weight_map is empty/)
})

test('folders that hold no checkpoint are named, with what would help', async () => {
  const path = join(root, 'other')
  await assert.rejects(openCheckpoint(path), { message: `${path}: no such checkpoint folder` })
  mkdirSync(path)
  await assert.rejects(
    openCheckpoint(path),
    /neither model.safetensors nor pytorch_model.bin is there; the folder is empty$/,
  )
  writeFileSync(join(path, 'adapter_config.json'), '{}')
  await assert.rejects(openCheckpoint(path), /adapter: merge it/)
  writeFileSync(join(path, 'pytorch_model.bin'), '')
  await assert.rejects(openCheckpoint(path), /pytorch_model.bin: is empty: the download failed or was stopped/)
  writeFileSync(join(path, 'config.json'), '{"a": ')
  await assert.rejects(openCheckpoint(path), /config.json: not valid JSON/)
  await assert.rejects(openCheckpoint(join(path, 'config.json')), /is a file of a model; give its folder/)
})
