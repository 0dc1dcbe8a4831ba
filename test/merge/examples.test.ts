// mergekit's published examples on small models.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { merge, scratch, yaml } from './fixtures.js'

/** Forty layers from models of two, as tall as those of mergekit's examples. */
async function tall(model: string): Promise<string> {
  const slice = `  - sources:\n      - model: models/${model}\n        layer_range: [0, 2]\n`
  const out = join(scratch, `tall-${model}`)
  await merge(yaml(`merge_method: passthrough\nslices:\n${slice.repeat(20)}dtype: float32\n`), out)
  return out
}

test("mergekit's example files, their model names replaced", async () => {
  const [base, one, two, three] = [await tall('base'), await tall('ft1'), await tall('ft2'), await tall('ft3')]
  const examples: Record<string, string> = {
    ties: `models:
  - model: ${one}
    parameters:
      density: [1, 0.7, 0.1] # density gradient
      weight: 1.0
  - model: ${two}
    parameters:
      density: 0.5
      weight: [0, 0.3, 0.7, 1] # weight gradient
  - model: ${three}
    parameters:
      density: 0.33
      weight:
        - filter: mlp
          value: 0.5
        - value: 0
merge_method: ties
base_model: ${base}
parameters:
  normalize: true
  int8_mask: true
dtype: float16
`,
    linear: `models:
  - model: ${one}
    parameters:
      weight: 1.0
  - model: ${two}
    parameters:
      weight: 0.3
  - model: ${three}
    parameters:
      weight: 0.5
merge_method: linear
dtype: float16
`,
    'gradient-slerp': `slices:
  - sources:
      - model: ${one}
        layer_range: [0, 40]
      - model: ${two}
        layer_range: [0, 40]
merge_method: slerp
base_model: ${one}
parameters:
  t:
    - filter: self_attn
      value: [0, 0.5, 0.3, 0.7, 1]
    - filter: mlp
      value: [1, 0.5, 0.7, 0.3, 0]
    - value: 0.5 # fallback for rest of tensors
dtype: float16
`,
    'bio-merge': `models:
  - model: ${one}
    parameters:
      density: 0.5
      weight: 0.5
  - model: ${two}
    parameters:
      density: 0.5
      weight: 0.5
merge_method: ties
base_model: ${base}
parameters:
  normalize: false
  int8_mask: true
dtype: float16
`,
    'orcamini-platy-44layer': `slices:
  - sources:
    - model: ${one}
      layer_range: [0, 24]
  - sources:
    - model: ${two}
      layer_range: [20, 40]
merge_method: passthrough
dtype: float16
`,
  }
  for (const [name, text] of Object.entries(examples)) {
    const out = join(scratch, name)
    await merge(yaml(text), out)
    const checkpoint = await openCheckpoint(out)
    const layers = name.endsWith('44layer') ? 44 : 40
    assert.deepEqual([checkpoint.config!.num_hidden_layers, checkpoint.config!.torch_dtype], [layers, 'float16'])
    assert.equal(checkpoint.tensors.size, 3 + 9 * layers)
    assert.ok((await checkpoint.read('model.layers.39.mlp.down_proj.weight')).every(Number.isFinite))
    await checkpoint.close()
  }
})
