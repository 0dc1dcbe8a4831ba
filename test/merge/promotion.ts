// The formats that merges of models in several formats are planned in, against what mergekit wrote (test/fixtures/dtypes).
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { locateMerge, openMerge } from '../../src/merge/index.js'
import { stored } from '../checkpoint/files.js'

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
function model(root: string, i: number, dtype: string): string {
  const folder = join(root, `${i}-${dtype}`)
  mkdirSync(folder, { recursive: true })
  const vocab = { a: 0, b: 1, c: 2, [`own${i}`]: 3 }
  writeFileSync(
    join(folder, 'tokenizer.json'),
    JSON.stringify({
      version: '1.0',
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: { type: 'WordLevel', vocab, unk_token: 'a' },
    }),
  )
  return stored(
    folder,
    { 'model.embed_tokens.weight': [dtype, [4, 2]], 'model.layers.0.mlp.up_proj.weight': [dtype, [2, 2]] },
    { model_type: 'llama', num_hidden_layers: 1 },
  )
}

const PARAMETERS: Record<string, object> = {
  slerp: {},
  model_stock: {},
  sce: {},
  nearswap: {},
  passthrough: {},
  linear: { weight: 1 },
  nuslerp: { weight: 1 },
  task_arithmetic: { weight: 1 },
}

function fileOf(root: string, { method, dtypes, written: _, ...more }: Case): string {
  const [first, ...others] = dtypes.map((format, i) => model(root, i, format))
  const based = !['linear', 'nuslerp', 'passthrough'].includes(method)
  const parameters = PARAMETERS[method] ?? { weight: 1, density: 0.5 }
  const models = (based && method !== 'slerp' ? others : [first, ...others]).map((each) => ({
    model: each,
    parameters,
  }))
  const own = { slerp: { t: 0.5 }, nearswap: { t: 0.01 } }[method]
  return stringify({
    merge_method: method,
    models,
    ...(based && { base_model: first }),
    ...(own && { parameters: own }),
    ...more,
  })
}

/** Every method, in every order, with dtype, out_dtype and merged tokenizers; models are written to `root`. */
export async function checkPromotion(root: string): Promise<void> {
  for (const each of cases) {
    const { plan, close } = await openMerge('merge.yml', locateMerge(parse(fileOf(root, each)), 'merge.yml'))
    const wanted = each.written
    assert.deepEqual(
      plan.tensors.map(({ dtype }) => dtype),
      [wanted, wanted],
      JSON.stringify(each),
    )
    await close()
  }
}
