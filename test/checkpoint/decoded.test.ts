// Quantised folders opened as the weights that they stand for: rows of them, their written form, and values that are no numbers.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { encode, tableOf } from '../../src/checkpoint/dtype.js'
import { openCheckpoint, weightRows } from '../../src/checkpoint/index.js'
import { stored, temporary } from './files.js'

const root = temporary()
const Q = 'model.layers.0.self_attn.q_proj'

test('codes of one byte by the definition of each format', () => {
  const at = (dtype: string, ...codes: number[]) => codes.map((code) => tableOf(dtype)![code])
  assert.deepEqual(at('F8_E4M3', 0x00, 0x01, 0x08, 0x38, 0x7e, 0xfe, 0x7f, 0xff), [
    0,
    2 ** -9,
    2 ** -6,
    1,
    448,
    -448,
    NaN,
    NaN,
  ])
  assert.deepEqual(at('F8_E5M2', 0x01, 0x3c, 0x7b, 0x7c, 0xfc, 0x7d), [2 ** -16, 1, 57344, Infinity, -Infinity, NaN])
  assert.deepEqual(at('F8_E8M0', 0, 127, 254, 255), [2 ** -127, 1, 2 ** 127, NaN])
  assert.deepEqual(at('I8', 0, 127, 128, 255), [0, 127, -128, -1])
  assert.ok(Object.is(tableOf('F8_E4M3')![0x80], -0))
})

test('rows are those of the whole, wherever they begin; the bytes are the values rounded to the format of the model', async () => {
  for (const name of [
    'fp8-block-f32',
    'fp8-block-experts',
    'bnb-nf4-double',
    'bnb-int8',
    'ct-int-group',
    'ct-mxfp8',
    'ct-int-channel',
    'fp8-static',
    'gptq-4bit-act-order',
    'awq-4bit',
    'ct-pack-8bit-asymmetric',
    'ct-pack-channel',
    'ct-nvfp4',
    'mxfp4',
  ]) {
    const checkpoint = await openCheckpoint(`test/fixtures/formats/${name}`)
    for (const [tensor, { shape, dtype, begin, end }] of checkpoint.tensors) {
      const whole = await checkpoint.read(tensor)
      const width = whole.length / shape[0]!
      for (let from = 0; from < shape[0]!; from += 3) {
        const to = Math.min(shape[0]!, from + 5)
        assert.deepEqual(
          await weightRows(checkpoint, tensor, { from, to }),
          whole.slice(from * width, to * width),
          `${name} ${tensor} ${from}`,
        )
      }
      assert.deepEqual(Buffer.from(await checkpoint.readBytes(tensor)), Buffer.from(encode(dtype as 'BF16', whole)))
      assert.equal(end - begin, whole.length * 2)
    }
    await checkpoint.close()
  }
})

test('a scale of NaN, and a code of NaN, are errors and no weights', async () => {
  const config = { quantization_config: { quant_method: 'fp8', weight_block_size: [2, 2] } }
  const path = stored(
    join(root, 'nan'),
    {
      'a.weight': ['F8_E4M3', [2, 4], '\x38\x38\x38\x38\x38\x38\x38\x38'],
      'a.weight_scale_inv': ['F8_E8M0', [1, 2], '\x7f\xff'],
      'b.weight': ['F8_E4M3', [2, 2], '\x38\x7f\x38\x38'],
      'b.weight_scale_inv': ['F8_E8M0', [1, 1], '\x7f'],
    },
    config,
  )
  const checkpoint = await openCheckpoint(path)
  await assert.rejects(
    checkpoint.read('a.weight'),
    /tensor "a\.weight" holds 4 NaN or Inf of 8 values, the first at index 2 \(NaN\)/,
  )
  await assert.rejects(
    checkpoint.read('b.weight'),
    /tensor "b\.weight" holds 1 NaN or Inf of 4 values, the first at index 1/,
  )
  await checkpoint.close()
})

test('weights that were cast to fp8 have no scales where config.json says so', async () => {
  const path = stored(
    join(root, 'cast'),
    { 'a.weight': ['F8_E5M2', [2, 2], '\x3c\x40\xbc\x00'] },
    { torch_dtype: 'float8_e5m2' },
  )
  const checkpoint = await openCheckpoint(path)
  assert.deepEqual([...(await checkpoint.read('a.weight'))], [1, 2, -1, 0])
  assert.equal(checkpoint.tensors.get('a.weight')!.dtype, 'BF16')
  await checkpoint.close()
})

test('a state of bitsandbytes that does not fit its parts', async () => {
  const open = (state: string, tensors: Parameters<typeof stored>[1] = {}, config: object | null = null) =>
    openCheckpoint(
      stored(
        join(root, 'state'),
        {
          [`${Q}.weight`]: ['U8', [32, 1]],
          [`${Q}.weight.absmax`]: ['F32', [1]],
          [`${Q}.weight.quant_map`]: ['F32', [16]],
          [`${Q}.weight.quant_state.bitsandbytes__nf4`]: ['U8', [state.length], state],
          ...tensors,
        },
        config,
      ),
    )
  const good = { quant_type: 'nf4', blocksize: 64, dtype: 'bfloat16', shape: [8, 8] }
  await (await open(JSON.stringify(good))).close()
  await assert.rejects(open('{"shape"'), /quant_state\.bitsandbytes__nf4: not valid JSON/)
  await assert.rejects(
    open(JSON.stringify({ ...good, nested_blocksize: 256 })),
    /must have both nested_blocksize and nested_offset, or neither/,
  )
  await assert.rejects(open('null'), /quant_state\.bitsandbytes__nf4: must be a mapping of keys to values; got null/)
  await assert.rejects(
    open(JSON.stringify({ ...good, blocksize: 0 })),
    /quant_state\.bitsandbytes__nf4: blocksize must be at least 1; got 0/,
  )
  await assert.rejects(open(JSON.stringify({ ...good, shape: [8, 10] })), /32 bytes; \[8, 10\] of 4 bit takes 40/)
  await assert.rejects(
    open(JSON.stringify({ ...good, blocksize: 32 })),
    /weight\.absmax is F32 \[1\]; .* makes it 2 of F32/,
  )
  await assert.rejects(open(JSON.stringify({ ...good, quant_type: 'fp4' })), /says quant_type "fp4"/)
  await assert.rejects(
    open(JSON.stringify({ ...good, nested_blocksize: 256, nested_offset: 0.1 })),
    /absmax is F32 \[1\]; .* makes it 1 of U8/,
  )
  const config = {
    quantization_config: { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'fp4' },
  }
  await assert.rejects(
    open(JSON.stringify(good), {}, config),
    /is nf4, but config\.json says bnb_4bit_quant_type "fp4"/,
  )
})
