// Adapters of peft of every kind besides plain LoRA: the weights are those of merge_and_unload (test/fixtures/peft/make.py).
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { round } from '../../src/checkpoint/dtype.js'
import { openModels } from '../../src/checkpoint/index.js'
import { openWeights } from '../../src/checkpoint/single.js'
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

const kinds: [what: string, kinds: string[], note?: string][] = [
  ['DoRA, with patterns and rank-stabilised', ['dora', 'dora-patterns']],
  ['AdaLoRA', ['adalora']],
  ['LoHa', ['loha']],
  ['LoKr, with both factors decomposed', ['lokr', 'lokr-both']],
  ['IA³, and its biases', ['ia3']],
  ['VeRA with its projections, and made of the seed', ['vera', 'vera_seed']],
  ['VB-LoRA, with all logits and the topk alone', ['vblora', 'vblora-topk']],
  ['OFT by a Neumann series and exactly, constrained and shared', ['oft', 'oft-exact', 'oft-shared']],
  ['BOFT with one butterfly factor', ['boft'], 'which is all that peft makes without a CUDA compiler'],
  ['HRA, with and without Gram–Schmidt', ['hra', 'hra-gs']],
  ['FourierFT', ['fourierft'], 'its places are made of the seed, as by PyTorch'],
  ['RandLora with its bases', ['randlora']],
  ['C3A', ['c3a']],
  ['MiSS in its three forms', ['miss', 'miss-mini', 'miss-bat']],
  ['SHiRA', ['shira']],
  ['GraLoRA, and hybrid', ['gralora', 'gralora-hybrid']],
  ['HiRA', ['hira']],
  ['DeLoRA', ['delora']],
  ['RoAd 1, 2 and 4, and their biases', ['road_1', 'road_2', 'road_4']],
  ['LN tuning', ['ln_tuning']],
  ['trainable tokens', ['tokens']],
]
for (const [what, names, note] of kinds)
  compatible({ what, outcome: 'read', like: LIKE, note }, async () => {
    // A sum over ranks is rounded in another order here: one entry of HRA is another bf16.
    for (const kind of names)
      for (const base of ['llama', 'llama_bf16', 'gpt2'])
        if (existsSync(join(ROOT, `${base}-${kind}`))) await check(base, kind, kind === 'hra' ? 1 : 0)
  })

const refused = (what: string, like: string, config: object, words: RegExp) =>
  compatible({ what, outcome: 'refused', like }, async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    writeFileSync(join(root, 'adapter_config.json'), JSON.stringify(config))
    writeFileSync(
      join(root, 'adapter_model.safetensors'),
      readFileSync(join(ROOT, 'llama-vera/adapter_model.safetensors')),
    )
    await assert.rejects(openModels(join(ROOT, 'llama'), root), words)
  })

for (const type of ['PROMPT_TUNING', 'PREFIX_TUNING', 'P_TUNING'])
  refused(
    `peft_type ${type}`,
    'there is no delta',
    { peft_type: type },
    /leaves the weights alone, so there is no delta/,
  )
refused('peft_type XLORA', 'no weight can do that', { peft_type: 'XLORA' }, /the input chooses among its parts/)
refused('A peft_type that is not read', 'names it, and those that are', { peft_type: 'OSF' }, /OSF/)
refused(
  'Tensors of another kind than adapter_config.json says',
  'names the tensor, what it is of, and what the configuration says',
  { peft_type: 'IA3' },
  /vera_\w+ is a part of VERA, and adapter_config.json says peft_type IA3/,
)
