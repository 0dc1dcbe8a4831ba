// Quantised weights: what is decoded, bit for bit as its library does, and what is refused by name.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { stored } from '../checkpoint/files.js'
import { checkPromotion } from '../merge/promotion.js'
import { equalsExpected } from './expected.js'
import { compatible } from './row.js'

/** Names, shapes and float32 bits of a fixture are those that the library decodes. */
const decodes = (name: string, format: RegExp): Promise<void> =>
  equalsExpected(`test/fixtures/formats/${name}`, {
    look: ({ decoded, config }) => {
      assert.match(decoded!, format)
      assert.equal(config?.quantization_config, undefined)
    },
  })

const read = (what: string, like: string, cases: Record<string, RegExp>, note?: string) =>
  compatible({ what, outcome: 'read', like, note }, async () => {
    for (const [name, format] of Object.entries(cases)) await decodes(name, format)
  })

read(
  'fp8 with scales in blocks, short edges too',
  'compressed-tensors 0.20.1',
  { 'fp8-block-f32': /fp8 in blocks of 8 x 10/, 'ct-float-block': /fp8 in blocks of 8 x 10/ },
  'transformers 5.18.0 takes the block from the shape of the scales and is wrong at short edges',
)
read(
  'fp8 with scales in blocks as F32, BF16, E8M0 or U8; E5M2; scales called `scale`; stacked experts',
  'transformers 5.18.0',
  { 'fp8-block-scales': /fp8 in blocks of 8 x 8/, 'fp8-block-experts': /fp8 in blocks of 8 x 8/ },
)
read('fp8 with one scale per tensor (`weight_scale`, static activations)', 'transformers 5.18.0', {
  'fp8-static': /one scale per tensor/,
})
read(
  'FBGEMM fp8 of linear layers',
  'transformers 5.18.0',
  { 'fp8-fbgemm': /one scale per row/ },
  'the rule; the library itself needs a GPU',
)
read(
  'compressed-tensors float-quantized and int-quantized: per tensor, channel, group and block, zero points',
  'compressed-tensors 0.20.1',
  {
    'ct-float-channel': /fp8 with one scale per row/,
    'ct-int-channel': /int8 with one scale per row/,
    'ct-int-group': /int8 in blocks of 1 x 8/,
  },
)
read('MXFP8 (compressed-tensors mxfp8-quantized)', 'compressed-tensors 0.20.1', {
  'ct-mxfp8': /fp8 in blocks of 1 x 32/,
})
read(
  'bitsandbytes nf4 and fp4, quantised scales, packed in U8 or another dtype',
  'bitsandbytes 0.50.2',
  { 'bnb-fp4': /fp4/, 'bnb-nf4-bf16': /nf4/, 'bnb-nf4-double': /nf4 with scales quantised again/ },
  'its plain torch code; its AVX-512 code is wrong for rows that are no multiple of a block',
)
read('bitsandbytes int8', 'bitsandbytes 0.50.2', { 'bnb-int8': /int8/ })
read(
  'GPTQ of 4 bit with zero points less 1, `desc_act`',
  'gptqmodel 7.7.0',
  { 'gptq-4bit': /GPTQ of 4 bit/, 'gptq-4bit-act-order': /GPTQ of 4 bit/ },
  'the library multiplies in float16: equal after rounding to it; 2, 3 and 8 bit, gptq_v2 and files without g_idx are read by the same rule, tested on codes that are packed by hand',
)
read(
  'AutoRound of 4 bit in its GPTQ, AWQ and own packings',
  'auto-round 0.16.1',
  { 'autoround-gptq': /GPTQ of 4 bit/, 'autoround-awq': /AWQ of 4 bit/, 'autoround-plain': /GPTQ of 4 bit/ },
  'auto_round:auto_gptq stores a zero point of 0 as 1, and so it is read',
)
read('AWQ of 4 bit in its gemm packing', 'autoawq 0.2.9', { 'awq-4bit': /AWQ of 4 bit/ })
read(
  'compressed-tensors pack-quantized of 2 to 8 bit, per group and channel, zero points',
  'compressed-tensors 0.20.1',
  {
    'ct-pack-4bit': /packed in 4 bit/,
    'ct-pack-4bit-asymmetric': /packed in 4 bit/,
    'ct-pack-2bit': /packed in 2 bit/,
    'ct-pack-3bit': /packed in 3 bit/,
    'ct-pack-3bit-old': /packed in 3 bit/,
    'ct-pack-5bit': /packed in 5 bit/,
    'ct-pack-8bit': /packed in 8 bit/,
    'ct-pack-8bit-asymmetric': /packed in 8 bit/,
    'ct-pack-channel': /packed in 4 bit/,
  },
  '3, 5, 6 and 7 bit of releases before 0.18 too, which 0.20.1 reads wrongly',
)
read('mxfp4 of gpt-oss', 'transformers 5.18.0', { mxfp4: /mxfp4/ })
read('compressed-tensors mxfp4-pack-quantized and nvfp4-pack-quantized', 'compressed-tensors 0.20.1', {
  'ct-mxfp4': /mxfp4 of compressed-tensors/,
  'ct-nvfp4': /nvfp4 of compressed-tensors/,
})
read(
  'torchao int8 and fp8 of every granularity, and its integers of 1 to 8 bit that are not packed',
  'torchao 0.18.0',
  {
    'torchao-int8': /torchao's int8 in blocks of 1 x 8 and .* with one scale per tensor and .* with one scale per row/,
    'torchao-intx': /torchao's int8 in blocks of 1 x 8/,
    'torchao-float8': /torchao's fp8 in blocks of 4 x 8 and .* with one scale per tensor and .* with one scale per row/,
  },
  'as transformers 5.24.0 saves them, for weights alone and with quantised activations; dequantize() in the format of the model is equal after rounding to it',
)

read(
  'MLX: affine codes of 2 to 8 bit, mxfp4, nvfp4 and mxfp8, of layers with settings of their own and of experts',
  'mlx 0.32.4',
  { 'mlx-affine': /MLX's affine of 2 bit/, 'mlx-floats': /MLX's mxfp8 of 8 bit/ },
  'names and order of axes are those of the file: mlx-lm has the experts of a layer together (switch_mlp)',
)

type Tensors = Parameters<typeof stored>[1]
const Q = 'model.layers.0.self_attn.q_proj'

/** A folder with this quantization_config, and these tensors, is refused in these words before a weight is read. */
const refused = (what: string, cases: [quantization: object | null, tensors: Tensors, words: RegExp][], like: string) =>
  compatible({ what, outcome: 'refused', like }, async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    for (const [i, [quantization, tensors, words]] of cases.entries()) {
      const folder = stored(
        join(root, String(i)),
        { ...tensors, 'model.norm.weight': ['BF16', [4]] },
        { model_type: 'llama', ...(quantization && { quantization_config: quantization }) },
      )
      await assert.rejects(
        openCheckpoint(folder),
        ({ name, message }: Error) => (assert.equal(name, 'UserError'), assert.match(message, words), true),
      )
    }
  })

compatible(
  {
    what: 'ModelOpt fp8 with one scale per tensor, and scales of the cache',
    outcome: 'read',
    like: 'nvidia-modelopt 0.47.0 (FP8QTensor.dequantize)',
  },
  async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    const half = '\0\0\0?'
    const folder = stored(
      root,
      {
        // 1, 2, -1 and 0.5, times a half.
        [`${Q}.weight`]: ['F8_E4M3', [2, 2], '8@\xb80'],
        [`${Q}.weight_scale`]: ['F32', [], half],
        [`${Q}.input_scale`]: ['F32', [], half],
        [`${Q.replace('q_', 'k_')}.k_scale`]: ['F32', [], half],
      },
      { model_type: 'llama', quantization_config: { quant_method: 'modelopt', quant_algo: 'FP8' } },
    )
    const model = await openCheckpoint(folder)
    assert.deepEqual([...model.tensors.keys()], [`${Q}.weight`])
    assert.deepEqual([...(await model.read(`${Q}.weight`))], [0.5, 1, -0.5, 0.25])
    await model.close()
  },
)

const ADVICE = 'give the model that it was quantised from, or have the library that wrote it write it in bfloat16'
const packed: Tensors = {
  [`${Q}.qweight`]: ['I32', [4, 8]],
  [`${Q}.qzeros`]: ['I32', [1, 1]],
  [`${Q}.scales`]: ['F16', [1, 8]],
}
const grouped: Tensors = { ...packed, [`${Q}.g_idx`]: ['I32', [32]] }
const compressed: Tensors = {
  [`${Q}.weight_packed`]: ['I32', [8, 4]],
  [`${Q}.weight_scale`]: ['BF16', [8, 2]],
  [`${Q}.weight_shape`]: ['I64', [2]],
}
const four = { config_groups: { group_0: { targets: ['Linear'], weights: { num_bits: 4, type: 'int' } } } }

refused(
  'GPTQ of other bits and packings, or without its config',
  [
    [
      { quant_method: 'gptq', bits: 5, group_size: 16 },
      grouped,
      /weights quantised: GPTQ of 5 bit is not read; give the model that it was quantised from/,
    ],
    [{ quant_method: 'gptq', bits: 3, checkpoint_format: 'gptq_p' }, grouped, /GPTQ in its gptq_p packing is not read/],
    [{ quant_method: 'gptq', bits: 4, is_marlin_format: true }, grouped, /GPTQ in its marlin packing is not read/],
    [{ quant_method: 'gptq', bits: 4, checkpoint_format: 'marlin' }, grouped, /GPTQ in its marlin packing is not read/],
    [
      { quant_method: 'gptq', bits: 4, format: 'gptq', checkpoint_format: 'gptq_v2' },
      grouped,
      /GPTQ in its gptq_v2 packing by checkpoint_format and its gptq packing by format is not read/,
    ],
    [null, grouped, /qweight" shows weights quantised by GPTQ, and config\.json does not say how/],
  ],
  ADVICE,
)
refused(
  'AutoRound in other packings, of other types, and of bits that differ between layers',
  [
    [{ quant_method: 'auto-round', bits: 4 }, grouped, /AutoRound in its first packing is not read/],
    [
      { quant_method: 'auto-round', bits: 4, packing_format: 'auto_round:llm_compressor' },
      compressed,
      /AutoRound in its auto_round:llm_compressor packing is not read/,
    ],
    [
      { quant_method: 'auto-round', bits: 4, packing_format: 'auto_round', data_type: 'mx_fp' },
      {},
      /AutoRound of mx_fp with activations of 16 bit is not read/,
    ],
    [
      { quant_method: 'auto-round', bits: 4, packing_format: 'auto_round', extra_config: { [Q]: { bits: 8 } } },
      grouped,
      /AutoRound of 4 bit with layers of 8 bit is not read/,
    ],
    [
      { quant_method: 'auto-round', bits: 8, packing_format: 'auto_round:auto_awq' },
      packed,
      /AutoRound of 8 bit is not read/,
    ],
  ],
  ADVICE,
)
refused(
  'AWQ in its gemv packings, of other bits, or without its config',
  [
    [{ quant_method: 'awq', bits: 8, version: 'gemm' }, packed, /AWQ of 8 bit is not read/],
    [{ quant_method: 'awq', bits: 4, version: 'gemv_fast' }, packed, /AWQ in its gemv packing is not read/],
    [{ quant_method: 'awq', bits: 4, checkpoint_format: 'gemv' }, packed, /AWQ in its gemv packing is not read/],
    [{ quant_method: 'awq', bits: 4, version: 'marlin' }, packed, /AWQ in its marlin packing is not read/],
    [{ quant_method: 'awq', bits: 4 }, grouped, /config\.json says awq, but tensor .* shows GPTQ/],
    [null, packed, /shows weights quantised by AWQ, and config\.json does not say how/],
  ],
  ADVICE,
)
refused(
  'compressed-tensors sparse, rotated, of other formats, or packed without its config',
  [
    [{ quant_method: 'compressed-tensors', format: 'marlin-24' }, {}, /marlin-24 of compressed-tensors is not read/],
    [
      {
        quant_method: 'compressed-tensors',
        format: 'float-quantized',
        sparsity_config: { format: 'sparse-24-bitmask' },
      },
      {},
      /sparse-24-bitmask of compressed-tensors is not read/,
    ],
    [
      {
        quant_method: 'compressed-tensors',
        format: 'float-quantized',
        transform_config: { config_groups: { u: { type: 'hadamard', apply: [] } } },
      },
      {},
      /compressed-tensors with rotated weights \(transform_config\) is not read/,
    ],
    [
      null,
      compressed,
      /shows weights quantised by compressed-tensors with packed codes, and config\.json does not say/,
    ],
  ],
  ADVICE,
)
refused(
  'Packed codes whose parts do not fit each other, or config.json',
  [
    [
      { quant_method: 'gptq', bits: 4, group_size: 16 },
      grouped,
      /qzeros is I32 \[1, 1\]; config\.json makes it \[2, 1\]/,
    ],
    [
      { quant_method: 'awq', bits: 4, group_size: 0 },
      packed,
      /config\.json says group_size 0; a whole number, or -1, is wanted/,
    ],
    [
      { quant_method: 'compressed-tensors', format: 'pack-quantized', ...four },
      { ...compressed, [`${Q}.weight_shape`]: ['I64', [2], '\x08\0\0\0\0\0\0\0\x30\0\0\0\0\0\0\0'] },
      /48 inputs in 4 words fit no group of config\.json/,
    ],
    [
      { quant_method: 'mxfp4' },
      { 'mlp.experts.down_proj_blocks': ['U8', [1, 2, 1, 16]], 'mlp.experts.down_proj_scales': ['U8', [1, 2, 2]] },
      /mxfp4 has blocks of 16 bytes and one scale for each/,
    ],
  ],
  'says what was found, and what config.json makes of it',
)
refused(
  'AQLM, HQQ, EETQ, HIGGS, VPTQ, SpQR, Quark, quanto, BitNet, FP-Quant, SINQ, metal, and methods that nobody knows',
  [
    ...Object.entries({
      aqlm: 'AQLM',
      hqq: 'HQQ',
      eetq: 'EETQ',
      higgs: 'HIGGS',
      vptq: 'VPTQ',
      spqr: 'SpQR',
      quark: 'Quark',
      quanto: 'quanto',
    })
      .concat(
        Object.entries({
          bitnet: 'BitNet',
          fp_quant: 'FP-Quant',
          sinq: 'SINQ',
          metal: 'metal',
        }),
      )
      .map(([method, name]): [object, Tensors, RegExp] => [
        { quant_method: method },
        {},
        new RegExp(`weights quantised: ${name} is not read`),
      ]),
    [{ quant_method: 'modelopt', quant_algo: 'NVFP4' }, {}, /NVFP4 of modelopt is not read/],
    [{ quant_method: 'xyz' }, {}, /quantization_config\.quant_method is "xyz", which is not read/],
    [{ bits: 4 }, {}, /quantization_config names no quant_method/],
  ],
  ADVICE,
)
const torchao = { quant_method: 'torchao' }
const int8: Tensors = { [`${Q}._weight_qdata`]: ['I8', [4, 8]], [`${Q}._weight_scale`]: ['F32', [4, 1]] }
refused(
  'torchao packed (Int4Tensor, MXTensor, NVFP4Tensor, tiles for a GPU), with scaled inputs, or without its parts',
  [
    [
      torchao,
      { [`${Q}._weight_qdata`]: ['U8', [4, 4]], [`${Q}._weight_scale`]: ['BF16', [1, 4]] },
      /weights quantised: torchao's packing in U8 is not read; give the model/,
    ],
    [
      torchao,
      { ...int8, [`${Q}._weight_act_pre_scale`]: ['BF16', [8]] },
      /scales of their own \(act_pre_scale\) is not/,
    ],
    [
      torchao,
      { ...int8, [`${Q.replace('q_', 'k_')}._weight_scale`]: ['F32', [4, 1]] },
      /k_proj\._weight_scale" belongs to a quantised weight, which is missing/,
    ],
    [torchao, { [`${Q}._weight_qdata`]: ['I8', [4, 8]] }, /q_proj\.weight": .*q_proj\._weight_scale is missing/],
    [
      torchao,
      { ...int8, [`${Q}._weight_scale`]: ['F32', [4, 3]] },
      /its scales are \[4, 3\], which do not divide \[4, 8\] into blocks/,
    ],
    [
      torchao,
      { ...int8, [`${Q}._weight_zero_point`]: ['F32', [4, 1]] },
      /its zero points are F32 \[4, 1\]; one I8 for each scale is wanted/,
    ],
    [torchao, {}, /config\.json says that weights are quantised \(torchao\), but no tensor is/],
    [null, int8, /_weight_qdata" shows weights quantised by torchao, and config\.json does not say how/],
    [{ quant_method: 'fp8' }, int8, /config\.json says fp8, but tensor .*_weight_qdata" shows torchao/],
  ],
  ADVICE,
)
compatible(
  { what: 'torchao 0.18.0 of another kind (MXTensor), by its name in the metadata', outcome: 'refused', like: ADVICE },
  async () => {
    await assert.rejects(openCheckpoint('test/fixtures/formats/torchao-mx'), /torchao's MXTensor is not read; give the/)
  },
)
refused(
  'optimum-quanto 0.2.7 by its tensors: qint8, qfloat8 and qint4, of which config.json says nothing',
  [
    [
      null,
      { [`${Q}.weight._data`]: ['I8', [4, 8]], [`${Q}.weight._scale`]: ['F32', [4, 1]] },
      /weights quantised: quanto is not read; give the model/,
    ],
    [
      null,
      { [`${Q}.weight._data._data`]: ['U8', [2, 8]], [`${Q}.weight._scale`]: ['F32', [4, 1]] },
      /weights quantised: quanto is not read/,
    ],
  ],
  ADVICE,
)
const mlx: Tensors = {
  [`${Q}.weight`]: ['U32', [4, 8]],
  [`${Q}.scales`]: ['F16', [4, 1]],
  [`${Q}.biases`]: ['F16', [4, 1]],
}
refused(
  'MLX without its config, in other modes, and parts that do not fit each other',
  [
    [null, mlx, /q_proj\.weight" shows weights quantised by MLX, and config\.json does not say how/],
    [{ group_size: 64, bits: 4, mode: 'nf4' }, mlx, /MLX in its mode "nf4" is not read; give the model/],
    [
      { group_size: 64, bits: 7 },
      mlx,
      /codes of 7 bit in groups of 64; affine has 2, 3, 4, 5, 6 or 8 bit in groups of 32, 64 or 128/,
    ],
    [{ group_size: 32, bits: 4 }, mlx, /scales is F16 \[4, 1\]; config\.json makes it \[4, 2\]/],
    [
      { group_size: 32, bits: 4, [Q]: { bits: 8 } },
      mlx,
      /codes of 8 bit in groups of 64, which 8 words do not hold; its scales are F16/,
    ],
    [{ group_size: 32, bits: 4, mode: 'mxfp4' }, mlx, /scales is F16 \[4, 1\]; config\.json makes it \[4, 2\] of U8$/],
    [{ group_size: 32, bits: 4, mode: 'nvfp4' }, mlx, /bit in groups of 32; nvfp4 has 4 bit in groups of 16/],
    [{ group_size: '64', bits: 4 }, mlx, /groups of "64"; affine has/],
    [
      { group_size: 64, bits: 4 },
      Object.fromEntries(Object.entries(mlx).filter(([name]) => !name.endsWith('biases'))),
      /q_proj\.biases is missing/,
    ],
  ],
  ADVICE,
)
refused(
  'bitsandbytes int8 in layouts of old GPUs; FBGEMM fp8 experts',
  [
    ...['col32', 'col_turing', 'col_ampere'].map((layout, i): [object, Tensors, RegExp] => [
      { quant_method: 'bitsandbytes', load_in_8bit: true },
      {
        [`${Q}.weight`]: ['I8', [4, 8]],
        [`${Q}.SCB`]: ['F32', [4]],
        [`${Q}.weight_format`]: ['U8', [], String.fromCharCode(i + 1)],
      },
      new RegExp(`bitsandbytes int8 in layout ${layout} is not read`),
    ]),
    [
      { quant_method: 'fbgemm_fp8' },
      { 'experts.gate_up_proj': ['F8_E4M3', [2, 4, 8]], 'experts.gate_up_proj_scale': ['F32', [2, 1, 8]] },
      /FBGEMM fp8 experts are not read/,
    ],
  ],
  'load it with the library that wrote it and save it again',
)
refused(
  'A config and tensors that disagree',
  [
    [
      { quant_method: 'fp8' },
      grouped,
      /config\.json says fp8, but tensor "model\.layers\.0\.self_attn\.q_proj\.qweight" shows GPTQ/,
    ],
    [
      { quant_method: 'bitsandbytes', load_in_4bit: true },
      { [`${Q}.weight`]: ['I8', [4, 8]], [`${Q}.SCB`]: ['F32', [4]] },
      /config\.json says bitsandbytes 4 bit, but tensor "[^"]*SCB" shows bitsandbytes int8/,
    ],
    [
      { quant_method: 'gptq', bits: 4 },
      { [`${Q}.weight`]: ['F8_E4M3', [4, 8]], [`${Q}.weight_scale_inv`]: ['F32', [1, 1]] },
      /config\.json says gptq, but tensor "[^"]*weight[^"]*" shows scales/,
    ],
    [
      { quant_method: 'fp8' },
      { [`${Q}.weight`]: ['BF16', [4, 8]] },
      /says that weights are quantised \(fp8\), but no tensor is; take quantization_config out of it/,
    ],
    [
      { quant_method: 'fp8', weight_block_size: [2, 4] },
      { [`${Q}.weight`]: ['F8_E4M3', [4, 8]], [`${Q}.weight_scale_inv`]: ['F32', [2, 4]] },
      /\[4, 8\]: its scales .*weight_scale_inv are \[2, 4\], but in blocks of 2 x 4 take \[2, 2\]/,
    ],
  ],
  'names both; one of them is of another model',
)
refused(
  'Codes without their scales, scales without codes',
  [
    [
      { quant_method: 'fp8' },
      {
        [`${Q}.weight`]: ['F8_E4M3', [4, 8]],
        'lm_head.weight': ['F8_E4M3', [4, 8]],
        'lm_head.weight_scale_inv': ['F32', [1, 1]],
      },
      /q_proj\.weight" is F8_E4M3, which is no weight without its scales, and .*q_proj\.weight_scale_inv is missing/,
    ],
    [
      { quant_method: 'fp8' },
      { [`${Q}.weight`]: ['F8_E4M3', [4, 8]], [`${Q}.scales`]: ['F32', [1, 1]] },
      /q_proj\.weight" is F8_E4M3, .*q_proj\.weight_scale_inv is missing/,
    ],
    [null, { [`${Q}.weight`]: ['F8_E4M3', [4, 8]] }, /weight_scale_inv or .*weight_scale is missing/],
    [
      null,
      { [`${Q}.weight`]: ['F8_E4M3', [4, 8]], [`${Q}.weight_scale_inv`]: ['F32', [2, 2]] },
      /its scales .* are \[2, 2\], but config\.json does not say how scales of F8_E4M3 lie/,
    ],
    [null, { [`${Q}.weight`]: ['I8', [4, 8]] }, /q_proj\.SCB or .*q_proj\.weight_scale is missing/],
    [null, { [`${Q}.weight`]: ['U8', [16, 1]] }, /quant_state\.bitsandbytes__nf4 is missing/],
    [null, { [`${Q}.weight`]: ['F4', [4, 8]] }, /is F4, which is not read as weights/],
    [null, { [`${Q}.weight`]: ['F6_E2M3', [4, 8]] }, /is F6_E2M3, which is not read as weights/],
    [null, { [`${Q}.weight`]: ['I32', [4, 8]] }, /is I32, which is not read as weights/],
    [
      { quant_method: 'fp8' },
      { [`${Q}.weight`]: ['BF16', [4, 8]], [`${Q}.weight_scale_inv`]: ['F32', [1, 1]] },
      /weight_scale_inv" belongs to a quantised weight, which is missing or not quantised/,
    ],
    [
      null,
      { [`${Q}.weight`]: ['BF16', [4, 8]], [`${Q}.weight_scale_inv`]: ['F32', [1, 1]] },
      /weight_scale_inv" belongs to a quantised weight, which is missing or not quantised/,
    ],
    [
      null,
      { 'a.weight': ['F8_E4M3', [4, 8]], 'a.weight_scale': ['F32', [1]], [`${Q}.weight_scale`]: ['F32', [1]] },
      /q_proj\.weight_scale" belongs to a quantised weight/,
    ],
  ],
  'names the tensor that is missing',
)

compatible(
  {
    what: 'Weights that were cast to fp8, as `dtype: float8_…` in config.json says',
    outcome: 'read',
    like: 'torch 2.13.0',
    note: 'written as BF16, which holds them exactly',
  },
  async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    const found = await openCheckpoint(
      stored(root, { 'a.weight': ['F8_E4M3', [2, 2], '\x38\x01\xfe\x00'] }, { dtype: 'float8_e4m3fn' }),
    )
    assert.deepEqual(
      [[...(await found.read('a.weight'))], found.tensors.get('a.weight')!.dtype],
      [[1, 2 ** -9, -448, 0], 'BF16'],
    )
    await found.close()
  },
)

compatible(
  {
    what: 'Merges of models in different formats, by every method, with `dtype`, `out_dtype` and merged tokenizers',
    outcome: 'read',
    like: 'mergekit 0.1.5',
    note: 'the format that is written; F64 is written as F32, which a line says',
  },
  async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    await checkPromotion(root)
  },
)
