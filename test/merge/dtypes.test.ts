// The format of a merge of models in several formats: mergekit's for every method, and F64, which is not computed in.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { chooseTokenizer, mergeSchema, openModels, planMerge } from '../../src/merge/index.js'
import { stored } from '../checkpoint/files.js'
import { merge, readWords, scratch, yaml } from './fixtures.js'

interface Case {
  method: string
  dtypes: string[]
  dtype?: string
  out_dtype?: string
  tokenizer_source?: string
  written: string
}

const cases = JSON.parse(readFileSync('test/fixtures/dtypes/dtypes.json', 'utf8')) as Case[]

/** A model of two tensors in one format, with a token of its own. */
function model(i: number, dtype: string): string {
  const folder = join(scratch, `${i}-${dtype}`)
  mkdirSync(folder, { recursive: true })
  const vocab = { a: 0, b: 1, c: 2, [`own${i}`]: 3 }
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({ version: '1.0', added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, model: { type: 'WordLevel', vocab, unk_token: 'a' } }))
  return stored(folder, { 'model.embed_tokens.weight': [dtype, [4, 2]], 'model.layers.0.mlp.up_proj.weight': [dtype, [2, 2]] }, { model_type: 'llama', num_hidden_layers: 1 })
}

const PARAMETERS: Record<string, object> = { slerp: {}, model_stock: {}, sce: {}, nearswap: {}, passthrough: {}, linear: { weight: 1 }, nuslerp: { weight: 1 }, task_arithmetic: { weight: 1 } }

function fileOf({ method, dtypes, written: _, ...more }: Case): string {
  const [first, ...others] = dtypes.map((format, i) => model(i, format))
  const based = !['linear', 'nuslerp', 'passthrough'].includes(method)
  const parameters = PARAMETERS[method] ?? (method === 'dare_linear' || method.includes('ties') || method.includes('della') || method === 'breadcrumbs' ? { weight: 1, density: 0.5 } : { weight: 1 })
  const models = (based && method !== 'slerp' ? others : [first, ...others]).map((each) => ({ model: each, parameters }))
  const own = { slerp: { t: 0.5 }, nearswap: { t: 0.01 } }[method]
  return stringify({ merge_method: method, models, ...(based && { base_model: first }), ...(own && { parameters: own }), ...more })
}

test('formats are promoted over all models, the base too, by every method and in every order; F64 counts as F32', async () => {
  const fail = (_: unknown, message: string): never => assert.fail(message)
  for (const each of cases) {
    const config = mergeSchema.parse(parse(fileOf(each)))
    const opened = await openModels('merge.yml', config, fail)
    const { models } = await chooseTokenizer(config, opened, fail)
    const plan = planMerge(config, models, fail)
    const wanted = each.written === 'F64' ? 'F32' : each.written
    assert.deepEqual(plan.tensors.map(({ dtype }) => dtype), [wanted, wanted], JSON.stringify(each))
    await opened.close()
  }
})

test('F64 that is passed on stays F64 bit for bit, and F64 that is computed is F32', async () => {
  const folder = stored(join(scratch, 'double'), { 'model.embed_tokens.weight': ['F64', [2, 1], '\x9a\x99\x99\x99\x99\x99\xb9\x3f'] }, { model_type: 'llama', num_hidden_layers: 0 })
  const other = join(scratch, 'double-2')
  cpSync(folder, other, { recursive: true })
  await merge(yaml(`merge_method: passthrough\nmodels:\n  - model: ${folder}\n`), join(scratch, 'passed'))
  assert.deepEqual(readFileSync(join(scratch, 'passed', 'model.safetensors')).subarray(-16), readFileSync(join(folder, 'model.safetensors')).subarray(-16))
  assert.match(readFileSync(join(scratch, 'passed', 'config.json'), 'utf8'), /float64/)
  await merge(yaml(`merge_method: linear\nmodels:\n  - { model: ${folder}, parameters: { weight: 1 } }\n  - { model: ${other}, parameters: { weight: 1 } }\n`), join(scratch, 'computed'))
  const words = readWords(join(scratch, 'computed', 'model.safetensors')).get('model.embed_tokens.weight')!
  assert.deepEqual([words.dtype, ...words.values], ['F32', Math.fround(0.1), 0])
})
