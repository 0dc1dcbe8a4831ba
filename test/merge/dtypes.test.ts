// F64 through merges: a method of mergekit computes in float64 then. (What formats meet in: test/compatible/weight-formats.)
import assert from 'node:assert/strict'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { stored } from '../checkpoint/files.js'
import { merge, readWords, scratch, yaml } from './fixtures.js'

test('F64 that is passed on stays F64 bit for bit, and so does the mean of two equal models', async () => {
  const folder = stored(
    join(scratch, 'double'),
    { 'model.embed_tokens.weight': ['F64', [2, 1], '\x9a\x99\x99\x99\x99\x99\xb9\x3f'] },
    { model_type: 'llama', num_hidden_layers: 0 },
  )
  const other = join(scratch, 'double-2')
  cpSync(folder, other, { recursive: true })
  await merge(yaml(`merge_method: passthrough\nmodels:\n  - model: ${folder}\n`), join(scratch, 'passed'))
  assert.deepEqual(
    readFileSync(join(scratch, 'passed', 'model.safetensors')).subarray(-16),
    readFileSync(join(folder, 'model.safetensors')).subarray(-16),
  )
  assert.match(readFileSync(join(scratch, 'passed', 'config.json'), 'utf8'), /float64/)
  await merge(
    yaml(
      `merge_method: linear\nmodels:\n  - { model: ${folder}, parameters: { weight: 1 } }\n  - { model: ${other}, parameters: { weight: 1 } }\n`,
    ),
    join(scratch, 'computed'),
  )
  assert.deepEqual(
    readFileSync(join(scratch, 'computed', 'model.safetensors')).subarray(-16),
    readFileSync(join(folder, 'model.safetensors')).subarray(-16),
  )
  const own = `merger: average\nmodels:\n  - model: ${folder}\n  - model: ${other}\n`
  await merge(yaml(own), join(scratch, 'own'))
  const words = readWords(join(scratch, 'own', 'model.safetensors')).get('model.embed_tokens.weight')!
  assert.deepEqual([words.dtype, ...words.values], ['F32', Math.fround(0.1), 0])
  await assert.rejects(
    merge(yaml(`${own}dtype: float64\n`), join(scratch, 'own-64')),
    /dtype: float64 is computed as mergekit 0\.1\.5 does it, and merger: average is ours: choose a method of mergekit/,
  )
})
