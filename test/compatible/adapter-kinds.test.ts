// Adapters of peft of every kind besides plain LoRA: the weights are those of merge_and_unload (test/fixtures/peft/make.py).
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { round } from '../../src/checkpoint/dtype.js'
import { openWeights } from '../../src/checkpoint/single.js'
import { openModels } from '../../src/sources/index.js'
import { safetensors } from '../checkpoint/adapters.js'
import { compatible } from './row.js'

const ROOT = 'test/fixtures/peft'
const LIKE = 'peft 0.21.0, transformers 5.18.0'

/** In float32 within 1e-6 (of 1, or of the largest weight); on a bf16 base in its bits, but for so many of sums that are rounded elsewhere. */
async function check(base: string, kind: string, loose: number): Promise<void> {
  const folder = join(ROOT, `${base}-${kind}`)
  const [before, applied] = await openModels(join(ROOT, base), folder)
  const merged = await openWeights(join(folder, 'merged.safetensors'))
  let different = 0
  for (const name of before.tensors.keys()) {
    const wanted = merged.tensors.has(name) ? await merged.read(name) : await before.read(name)
    const given = await applied.read(name)
    const part = { from: Math.floor(given.length / 3), to: Math.ceil(given.length / 2) }
    assert.deepEqual(await applied.readEntries(name, part), given.slice(part.from, part.to), `${kind} ${name}`)
    if (base.endsWith('bf16')) {
      const bits = round(given, 'BF16')
      different += bits.filter((value, i) => !Object.is(value, wanted[i])).length
      continue
    }
    const largest = Math.max(1, ...wanted.map(Math.abs))
    const error = Math.max(...given.map((value, i) => Math.abs(value - wanted[i]!)))
    assert.ok(error <= 1e-6 * largest, `${kind} ${name}: ${error}`)
  }
  assert.ok(different <= loose, `${kind}: ${different} of the bf16 weights differ`)
  await Promise.all([merged.close(), applied.close(), before.close()])
}

const BASES = ['llama', 'llama_bf16', 'gpt2', 'vit', 'vit_bf16', 'siglip', 'siglip_bf16']

const kinds: [what: string, kinds: string[], note?: string][] = [
  [
    'DoRA, with patterns, rank-stabilised, of an embedding and of a convolution',
    ['dora', 'dora-patterns', 'dora_embedding', 'dora_conv'],
  ],
  ['LoRA of a convolution', ['lora_conv']],
  [
    'LoRA of a torch.nn.MultiheadAttention',
    ['lora_heads'],
    'peft adds the product of its output matrix twice, when it runs and when it merges, and so do we',
  ],
  ['LoRA with trained biases (lora_bias)', ['lora_bias']],
  [
    'PiSSA saved as it was trained, and with DoRA',
    ['pissa', 'pissa_conv1d', 'pissa-dora'],
    'as peft does on loading, the largest singular values are taken from the base first',
  ],
  ['OLoRA saved as it was trained', ['olora'], 'as peft does on loading, Q·R is taken from the base first'],
  ['KaSA', ['kasa'], 'as peft does on loading, the smallest singular values are taken from the base first'],
  ['BD-LoRA', ['bdlora']],
  ['MiCA', ['mica']],
  [
    'LoRA-GA',
    ['lora_ga'],
    'peft merges it as plain LoRA; one that was not converted when it was saved misses what training took from the base',
  ],
  ['AdaLoRA, with ranks pruned away, and of a convolution', ['adalora', 'adalora_pruned', 'adalora_conv']],
  ['LoHa, also of convolutions', ['loha', 'loha_conv', 'loha_effective']],
  [
    'LoKr, with both factors decomposed, and of convolutions',
    ['lokr', 'lokr-both', 'lokr_conv', 'lokr_whole', 'lokr_effective'],
  ],
  ['IA³, and its biases, also of convolutions', ['ia3', 'ia3_conv', 'ia3_conv_in']],
  ['VeRA with its projections, and made of the seed', ['vera', 'vera_seed']],
  ['PVeRA with its projections, and made of the seed', ['pvera', 'pvera_seed']],
  ['VB-LoRA, with all logits and the topk alone', ['vblora', 'vblora-topk']],
  [
    'OFT by a Neumann series and exactly, constrained and shared, of an embedding and of a convolution',
    ['oft', 'oft-exact', 'oft-shared', 'oft_embedding', 'oft_conv'],
  ],
  ['BOFT with one butterfly factor', ['boft', 'boft_conv'], 'which is all that peft makes without a CUDA compiler'],
  ['HRA, with and without Gram–Schmidt, and of a convolution', ['hra', 'hra-gs', 'hra_conv']],
  ['FourierFT', ['fourierft'], 'its places are made of the seed, as by PyTorch'],
  [
    'WaveFT with wavelets of three families, and without',
    ['waveft', 'waveft-db2', 'waveft-coif2', 'waveft-sym5', 'waveft-plain'],
    'its places are made of the seed, as by PyTorch; of the wavelets that peft names, the 23 that it can merge: it has no coefficients of the others, and of coif5 too few',
  ],
  [
    'RandLora with its bases, and made of the seed, dense and sparse',
    ['randlora', 'randlora_seed', 'randlora_sparse', 'randlora-very_sparse'],
  ],
  [
    'TinyLoRA with its projections, made of the seed with tied vectors, and of an embedding',
    ['tinylora', 'tinylora_seed', 'tinylora_embedding'],
    'for models whose class has its modules in an order that is known',
  ],
  [
    'UniLoRA with its indices, and made of the seed',
    ['unilora', 'unilora-indices'],
    'its indices are made of the seed, as by NumPy, for models whose class has its modules in an order that is known',
  ],
  ['GLoRA with products, vectors, constants and nothing, and its biases', ['glora', 'glora_vector', 'glora_none']],
  ['OSF', ['osf']],
  ['FRoD with its projections', ['frod']],
  ['DEFT with relu and QR, scaled, and PaRa', ['deft', 'deft_qr', 'deft_para']],
  ['PEANuT, flat and deep', ['peanut', 'peanut_deep']],
  [
    'SuperTuning with its places, with LoRA beside it, and by magnitude',
    ['supertuning', 'supertuning_lora', 'supertuning-magnitude'],
  ],
  ['BEFT', ['beft']],
  ['C3A', ['c3a']],
  ['MiSS in its three forms', ['miss', 'miss-mini', 'miss-bat']],
  ['SHiRA', ['shira']],
  ['GraLoRA, and hybrid', ['gralora', 'gralora-hybrid']],
  ['HiRA, also of an embedding and of a convolution', ['hira', 'hira_embedding', 'hira_conv']],
  ['DeLoRA', ['delora']],
  ['RoAd 1, 2 and 4, and their biases', ['road_1', 'road_2', 'road_4']],
  ['LN tuning', ['ln_tuning']],
  ['trainable tokens', ['tokens']],
]
for (const [what, names, note] of kinds)
  compatible({ what, outcome: 'read', like: LIKE, note }, async () => {
    // A sum over ranks is rounded in another order here: one entry of HRA is another bf16.
    for (const kind of names)
      for (const base of BASES)
        if (existsSync(join(ROOT, `${base}-${kind}`))) await check(base, kind, kind === 'hra' ? 1 : 0)
  })

const VERA = readFileSync(join(ROOT, 'llama-vera/adapter_model.safetensors'))
const refused = (what: string, like: string, config: object, words: RegExp, file: Buffer = VERA) =>
  compatible({ what, outcome: 'refused', like }, async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    writeFileSync(join(root, 'adapter_config.json'), JSON.stringify(config))
    writeFileSync(join(root, 'adapter_model.safetensors'), file)
    await assert.rejects(openModels(join(ROOT, 'llama'), root), words)
  })

const NO_DELTA = 'PROMPT_TUNING, MULTITASK_PROMPT_TUNING, P_TUNING, PREFIX_TUNING, CPT, CARTRIDGE, ADAPTION_PROMPT'
for (const type of NO_DELTA.split(', '))
  refused(
    `peft_type ${type}`,
    'there is no delta',
    { peft_type: type },
    /leaves the weights alone, so there is no delta/,
  )
for (const type of ['XLORA', 'POLY', 'LILY'])
  refused(`peft_type ${type}`, 'no weight can do that', { peft_type: type }, /the input chooses among its parts/)
refused('peft_type SHADOW', 'there is no delta', { peft_type: 'SHADOW' }, /SHADOW.*runs beside the base/)
refused('peft_type PSOFT', 'merge it with peft first', { peft_type: 'PSOFT' }, /PSOFT.*signs the file does not tell/)
refused('peft_type ADAMSS', 'merge it with peft first', { peft_type: 'ADAMSS' }, /ADAMSS.*k-means of the base/)
refused('peft_type BONE', 'convert it to MISS', { peft_type: 'BONE' }, /BONE.*convert it to MISS/)
refused('A peft_type that is not read', 'names it, and those that are', { peft_type: 'NEWLORA' }, /NEWLORA/)

const start = (name: string) => ({ peft_type: 'LORA', init_lora_weights: name })
refused(
  'PiSSA by a randomised SVD, not converted',
  'convert it to plain LoRA',
  start('pissa_niter_4'),
  /pissa_niter_4.*path_initial_model/,
)
refused('CorDA, not converted', 'convert it to plain LoRA', start('corda'), /corda.*found with data/)
refused('LoftQ', 'give the quantised base', start('loftq'), /loftq.*quantised/)
refused('A start of LoRA that peft does not know', 'names it', start('fancy'), /fancy.*no such start/)
refused(
  'Two variants of LoRA at a time',
  'names both',
  { peft_type: 'LORA', use_dora: true, kasa_config: {} },
  /use_dora.*kasa_config/,
)
const key = (part: string) => `base_model.model.model.layers.0.self_attn.q_proj.lora_${part}`
refused(
  'QALoRA of a quantised layer',
  'no weight can do that',
  { peft_type: 'LORA', r: 1, use_qalora: true },
  /use_qalora pools the inputs/,
  safetensors({ [key('A.weight')]: [[1, 4], new Float32Array(4)], [key('B.weight')]: [[16, 1], new Float32Array(16)] }),
)
refused(
  'LoRA with a trained bias of a layer that has none',
  'there is nothing to add it to',
  { peft_type: 'LORA', r: 1, lora_bias: true, target_modules: ['down_proj'] },
  /down_proj has a trained bias, and in .* it has none to add it to/,
  safetensors({
    'base_model.model.model.layers.0.mlp.down_proj.lora_A.weight': [[1, 24], new Float32Array(24)],
    'base_model.model.model.layers.0.mlp.down_proj.lora_B.weight': [[16, 1], new Float32Array(16)],
    'base_model.model.model.layers.0.mlp.down_proj.lora_B.bias': [[16], new Float32Array(16)],
  }),
)
refused('Arrow', 'no weight can do that', { peft_type: 'LORA', arrow_config: { k: 1 } }, /arrow_config.*choose/)
refused(
  'TinyLoRA without a module that it targets',
  'its numbers are dealt out over all of them',
  { peft_type: 'TINYLORA', target_modules: ['q_proj', 'v_proj'] },
  /nothing is there for model\.layers\.0\.self_attn\.v_proj, which target_modules of .* names\. TINYLORA deals/,
  safetensors({
    'base_model.model.model.layers.0.self_attn.q_proj.tinylora_A': [[1, 16], new Float32Array(16)],
    'base_model.model.model.layers.0.self_attn.q_proj.tinylora_B': [[16, 1], new Float32Array(16)],
    'base_model.tinylora_v.0': [[1], new Float32Array(1)],
  }),
)
refused(
  'Tensors of another kind than adapter_config.json says',
  'names the tensor, what it is of, and what the configuration says',
  { peft_type: 'IA3' },
  /vera_\w+ is a part of VERA, and adapter_config.json says peft_type IA3/,
)
