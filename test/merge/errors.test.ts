// What is wrong with a merge file or its models is said with file, line and column, before a weight is read.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { folder as writeFolder } from '../checkpoint/files.js'
import { copyModel, merge, scratch, yaml } from './fixtures.js'

/** The message of a merge that must fail, the name of the file taken out. */
async function failure(text: string): Promise<string> {
  const file = yaml(text)
  const error = await merge(file, join(scratch, 'never')).then(
    () => assert.fail('was accepted'),
    (e: Error) => e,
  )
  assert.equal(error.name, 'UserError', error.stack)
  return error.message.replace(file, basename(file)).replace(/^\d+\.yml:/, '')
}

const models = (first: string, second = '{weight: 1}') =>
  `base_model: models/base\nmodels:\n  - {model: models/ft1, parameters: ${first}}\n  - {model: models/ft2, parameters: ${second}}\n`

const wrong: [what: string, text: string, message: RegExp][] = [
  [
    'an unknown method',
    `merge_method: dare-ties\n${models('{weight: 1}')}`,
    /^1:1: merge_method: unknown merge_method "dare-ties"; did you mean "dare_ties"/,
  ],
  [
    'a merger as a method',
    `merge_method: fisher\n${models('{}')}`,
    /^1:1: merge_method: fisher is a merger of deltalab, not a method of mergekit: write `merger: fisher`/,
  ],
  ['an unknown merger', `merger: tie\n${models('{}')}`, /^1:1: merger: unknown merger "tie"; did you mean "ties"/],
  ['neither', models('{}'), /^1:1: either `merge_method`.*or `merger`/],
  [
    'an unknown key',
    `merger: ties\nbase_modle: x\n${models('{weight: 1}')}`,
    /^2:1: base_modle: unknown key "base_modle"; did you mean "base_model"/,
  ],
  [
    'a key of a model that nobody reads',
    'merger: average\nmodels:\n  - model: models/ft1\n    wieght: 1\n',
    /^4:5: models\[0\]\.wieght: unknown key/,
  ],
  [
    'an unknown parameter',
    `merger: ties\n${models('{weight: 1, densty: 0.5}')}`,
    /^4:\d+: models\[0\]\.parameters\.densty: unknown parameter of a model of ties "densty"; did you mean "density"/,
  ],
  [
    'a parameter of the merge at a model',
    `merger: ties\n${models('{weight: 1, lambda: 0.5}')}`,
    /^4:\d+: models\[0\]\.parameters\.lambda: is a parameter of the whole merge/,
  ],
  [
    'a missing weight',
    `merge_method: ties\n${models('{density: 0.5}')}`,
    /^4:\d+: models\[0\].*: weight of ties is required: a number/,
  ],
  [
    'a required parameter that is misspelt',
    `merge_method: linear\n${models('{wieght: 0.5}')}`,
    /^4:\d+: models\[0\]\.parameters\.wieght: unknown parameter of linear "wieght"; did you mean "weight"/,
  ],
  [
    'a weight that only some tensors have',
    `merge_method: task_arithmetic\n${models('{weight: [{filter: mlp, value: 1}]}')}`,
    /weight of task_arithmetic is required/,
  ],
  [
    'a gamma out of range',
    `merge_method: breadcrumbs\n${models('{weight: 1, gamma: -0.5}')}`,
    /^4:\d+: models\[0\]\.parameters\.gamma: gamma of breadcrumbs must be a number of at least 0; got -0.5/,
  ],
  [
    'a gradient that leaves the range',
    `merge_method: breadcrumbs\n${models('{weight: 1, gamma: [0.5, -0.1]}')}`,
    /gamma of breadcrumbs must be a number of at least 0; got -0.1/,
  ],
  [
    "mergekit's rounding of a merger of ours",
    `merger: ties\narithmetic: stored\n${models('{}', '{}')}`,
    /^2:1: arithmetic: arithmetic: stored is computed as mergekit 0\.1\.5 does it, and merger: ties is ours: choose a method of mergekit/,
  ],
  [
    "mergekit's rounding of an older release",
    `merge_method: ties\nconvention: mergekit-0.1.4\narithmetic: stored\n${models('{weight: 1}')}`,
    /^3:1: arithmetic: .* cannot stand beside convention: mergekit-0\.1\.4/,
  ],
  [
    "editors in mergekit's arithmetic",
    'merge_method: task_arithmetic\narithmetic: stored\nbase_model: models/base\nmodels:\n  - model: models/ft1\n    parameters: {weight: 1}\n    editors: [{editor: dare, drop_rate: 0.5}]\n',
    /arithmetic: stored is what mergekit computes, and mergekit has no editors/,
  ],
  [
    "DELLA's window",
    `merge_method: della\n${models('{weight: 1, density: 0.9}')}`,
    /^4:\d+: models\[0\].*epsilon.*inside \(0, 1\)/,
  ],
  [
    'an unknown filter',
    `merger: task_arithmetic\n${models('{weight: [{filter: self_atn, value: 1}, {value: 0}]}')}`,
    /^4:\d+: models\[0\]\.parameters\.weight\[0\]\.filter: "self_atn" is part of no tensor name; nearest: model\.layers\.0\.self_attn/,
  ],
  [
    'no base',
    'merge_method: ties\nmodels:\n  - {model: models/ft1, parameters: {weight: 1}}\n',
    /^1:1: ties needs base_model/,
  ],
  [
    'too few models',
    'merge_method: model_stock\nbase_model: models/base\nmodels:\n  - model: models/ft1\n',
    /model_stock merges at least 2 models besides the base; got 1/,
  ],
  [
    'a base that is no end of slerp',
    'merge_method: slerp\nbase_model: models/base\nparameters: {t: 0.5}\nmodels:\n  - model: models/ft1\n  - model: models/ft2\n',
    /^4:1: models: slerp merges exactly 1 model besides the base; got 2/,
  ],
  [
    'weights that sum to 0',
    'merge_method: linear\nmodels:\n  - {model: models/ft1, parameters: {weight: 1}}\n  - {model: models/ft2, parameters: {weight: -1}}\n',
    /the weights sum to 0/,
  ],
  ['an unknown convention', `merger: ties\nconvention: mergkit\n${models('{}', '{}')}`, /^2:1: convention: /],
  [
    'a convention that the merger has not',
    `merger: emr\nconvention: peft\n${models('{}', '{}')}`,
    /emr has no convention "peft"; it has: paper/,
  ],
  [
    'a gradient where the whole model is looked at',
    `merger: ties\n${models('{weight: [0, 1]}', '{}')}`,
    /cannot have gradients or filters/,
  ],
  [
    'layers that are not there',
    'merge_method: passthrough\nslices:\n  - sources:\n      - model: models/ft1\n        layer_range: [0, 3]\n',
    /^5:9: slices\[0\]\.sources\[0\]\.layer_range: \[0, 3\] goes beyond the 2 layers/,
  ],
  [
    'a range that goes back',
    'merge_method: passthrough\nslices:\n  - sources:\n      - {model: models/ft1, layer_range: [1, 0]}\n',
    /^4:\d+: slices\[0\]\.sources\[0\]\.layer_range: .*the first not above the second/,
  ],
  [
    'a folder that is not there',
    'merge_method: linear\nmodels:\n  - {model: models/ft9, parameters: {weight: 1}}\n',
    /^3:\d+: models\[0\]\.model: models\/ft9: no such checkpoint folder; did you mean models\/ft\d\?/,
  ],
  [
    'an unknown editor',
    `merger: ties\nbase_model: models/base\nmodels:\n  - model: models/ft1\n    editors: [{editor: dear}]\n`,
    /^5:\d+: models\[0\]\.editors\[0\].*unknown editor "dear"; did you mean "dare"/,
  ],
  [
    "an editor's option out of range",
    `merger: ties\nbase_model: models/base\nmodels:\n  - model: models/ft1\n    editors: [{editor: dare, drop_rate: 2}]\n`,
    /drop_rate of dare must be a number from 0 to 1; got 2/,
  ],
  [
    'editors without a base',
    'merger: average\nmodels:\n  - model: models/ft1\n    editors: [{editor: dare, drop_rate: 0.5}]\n',
    /editors work on deltas and need base_model/,
  ],
  [
    'Fisher without data',
    'merger: fisher\nmodels:\n  - model: models/ft1\n  - model: models/ft2\n',
    /^3:5: models\[0\].*fisher needs `data` for every model/,
  ],
  [
    'data that nobody reads',
    'merger: ties\nbase_model: models/base\nmodels:\n  - {model: models/ft1, data: models/ft2}\n',
    /^4:25: models\[0\]\.data: ties reads no data; fisher and regmean do/,
  ],
  [
    'Gram matrices that are none',
    'merger: regmean\nmodels:\n  - {model: models/ft1, data: models/ft2}\n',
    /^3:25: models\[0\]\.data: .*ft2: model\.embed_tokens\.weight is \[64, 32\]; \[32, 32\] is wanted/,
  ],
  [
    'an editor that reads the whole model, too late',
    `merger: ties\nbase_model: models/base\nmodels:
  - {model: models/ft1, editors: [{editor: expo, alpha: 1}, {editor: magnitude, drop_rate: 0.5, granularity: model}]}\n`,
    /^4:61: models\[0\]\.editors\[1\]: magnitude with these options reads the whole model, which only the first editor of a chain can/,
  ],
  [
    'a tokenizer of nobody',
    `merge_method: ties\ntokenizer_source: models/ft9\n${models('{weight: 1}')}`,
    /^2:1: tokenizer_source: models\/ft9: no such folder; base, union or a model is wanted/,
  ],
  ['no modules', `merge_method: ties\nmodules: {}\n`, /^1:1: either `models` or `slices` is needed/],
  [
    'modules of a model in parts',
    `merge_method: ties\nmodules: {vision_tower: {models: []}}\n`,
    /^2:1: modules: names the parts of a model \(vision_tower\), .* give models or slices/,
  ],
  [
    'a model twice',
    `merge_method: task_arithmetic\n${models('{weight: 1}').replace('ft2', 'ft1')}`,
    /^5:\d+: models\[1\]\.model: models\/ft1 is given twice, .* with the sum of its weights/,
  ],
  [
    'slices without the base',
    'merge_method: ties\nbase_model: models/base\nslices:\n  - sources: [{model: models/ft1, layer_range: [0, 2], parameters: {weight: 1}}]\n',
    /^4:5: slices\[0\]: base_model \(models\/base\) must be among the sources of every slice/,
  ],
  [
    'a base that linear gives no weight',
    'merge_method: linear\nbase_model: models/base\nmodels: [{model: models/ft1, parameters: {weight: 1}}]\n',
    /^2:1: base_model: weight of linear is required/,
  ],
  [
    'one model of nuslerp, and no base',
    'merge_method: nuslerp\nmodels: [{model: models/ft1, parameters: {weight: 1}}]\n',
    /^2:1: models: nuslerp merges exactly 2 models; got 1/,
  ],
  [
    'a base beside the one model of passthrough',
    'merge_method: passthrough\nbase_model: models/base\nmodels: [{model: models/ft1}]\n',
    /^3:1: models: passthrough merges exactly 1 model \(base_model counts as one\); got 2/,
  ],
  [
    'a key that is not text',
    `merge_method: ties\nparameters: {yes: 1}\n${models('{weight: 1}')}`,
    /^2:14: a key must be text; got true/,
  ],
  ['a tag of Python', `merge_method: ties\nx: !!python/tuple [1]\n${models('{weight: 1}')}`, /^2:4: Unresolved tag/],
  [
    'a filter outside a list, in a file of our own',
    `merger: ties\n${models('{weight: {filter: mlp, value: 1}}')}`,
    /^4:38: models\[0\]\.parameters\.weight: must be a number, true or false or text or a list; got \{"filter":"mlp","value":1\}$/,
  ],
  [
    'no value',
    `merge_method: ties\n${models('{weight: }')}`,
    /parameters\.weight: must be a number.* or a list; got null$/,
  ],
  [
    'a filter without its value',
    `merge_method: ties\n${models('{weight: [{filter: mlp}]}')}`,
    /weight\[0\]\.value: is required: a number/,
  ],
  [
    'a list of values and filters',
    `merge_method: ties\n${models('{weight: [{filter: mlp, value: 1}, 2]}')}`,
    /weight\[1\]: must be a mapping.*; got 2$/,
  ],
  [
    'no number',
    `merge_method: ties\n${models('{weight: .inf}')}`,
    /parameters\.weight: must be a finite number; got Infinity$/,
  ],
  [
    'models as a mapping',
    'merge_method: linear\nmodels: {model: models/ft1}\n',
    /^2:1: models: must be a list; got \{"model":"models\/ft1"\}$/,
  ],
  [
    'models as words',
    'merge_method: linear\nmodels: [models/ft1]\n',
    /^2:10: models\[0\]: must be a mapping of keys to values; got "models\/ft1"$/,
  ],
  [
    'an unknown format',
    `merge_method: ties\ndtype: fp16\n${models('{weight: 1}')}`,
    /^2:1: dtype: must be one of float32, bfloat16, float16, float64; got "fp16"$/,
  ],
  ['no models', 'merge_method: linear\n', /^1:1: either `models` or `slices` is needed$/],
  [
    'models and slices',
    'merge_method: linear\nmodels: [{model: models/ft1}]\nslices: [{sources: [{model: models/ft1, layer_range: [0, 1]}]}]\n',
    /^1:1: `models` and `slices` cannot stand beside each other/,
  ],
  [
    'a parameter of the merge at a model of slerp',
    'merge_method: slerp\nbase_model: models/ft1\nmodels: [{model: models/ft1, parameters: {t: 0}}, {model: models/ft2}]\n',
    /^1:1: parameters: t of slerp is required/,
  ],
  ['a key twice', `merger: ties\nmerger: ties\n${models('{}')}`, /^2:1: the key merger is there twice$/],
  [
    'a file of mergekit-multi',
    'name: a\nmerge_method: linear\nmodels: []\n---\nmerge_method: linear\nmodels: []\n',
    /^4:1: a second document begins here; a merge file is one merge \(this is a file of mergekit-multi\): write each into a file of its own/,
  ],
  ['a tab', 'merge_method: ties\nmodels:\n\t- model: x\n', /^3:1: Tabs are not allowed as indentation$/],
  ['broken YAML', 'merge_method: [ties\n', /^\d+:\d+: /],
]

for (const [what, text, message] of wrong) {
  test(what, async () => assert.match(await failure(text), message))
}

test('YAML of the version that mergekit reads: merge keys', async () => {
  const file = yaml(
    'merge_method: linear\nmodels:\n  - {model: models/ft1, parameters: &all {weight: 1}}\n  - {model: models/ft2, parameters: {<<: *all}}\n',
  )
  await merge(file, join(scratch, 'merge-keys'))
})

test('a file that is not UTF-8, and one that is a folder', async () => {
  const file = join(scratch, 'latin.yml')
  writeFileSync(file, Buffer.from('merge_method: lin\xe9ar\n', 'latin1'))
  await assert.rejects(merge(file, join(scratch, 'never')), /latin\.yml: is not text in UTF-8$/)
  await assert.rejects(merge(scratch, join(scratch, 'never')), /is a folder; a file is wanted$/)
})

test('models of other depths and vocabularies', async () => {
  const folder = (name: string, layers: number, tokens: number): string => {
    const entries = Array.from({ length: layers }, (_, i): [string, [number[], number[]]] => [
      `model.layers.${i}.mlp.weight`,
      [[2], [1, 1]],
    ])
    return writeFolder(join(scratch, name), {
      ...Object.fromEntries(entries),
      'model.embed_tokens.weight': [[tokens, 1], Array<number>(tokens).fill(1)],
    })
  }
  const [small, deep, wide] = [folder('small', 1, 3), folder('deep', 2, 3), folder('wide', 1, 4)]
  const text = (other: string) =>
    `merge_method: linear\nparameters: {weight: 1}\nmodels:\n  - {model: ${small}}\n  - {model: ${other}}\n`
  assert.match(
    await failure(text(deep)),
    /^5:\d+: models\[1\]\.model: .*deep has 2 layers, .*small 1; choose layers of each with slices$/,
  )
  assert.match(
    await failure(text(wide)),
    /embed_tokens\.weight is \[4, 1\] in wide, \[3, 1\] in small; tokenizer_source: union/,
  )
})

test('where the result may not go: onto an input, into one, or over one; nothing is written', async () => {
  const own = copyModel('ft1')
  const text = yaml(
    `merge_method: linear\nmodels:\n  - {model: ${own}, parameters: {weight: 1}}\n  - {model: models/ft2, parameters: {weight: 1}}\n`,
  )
  const before = readdirSync(own)
  // Also without --overwrite, which would not help.
  for (const overwrite of [false, true])
    await assert.rejects(merge(text, own, { overwrite }), /is an input; choose another name$/)
  await assert.rejects(merge(text, join(own, 'a', 'b')), /lies in .*, the folder of an input/)
  assert.deepEqual(readdirSync(own), before)
  const outer = join(scratch, 'outer')
  mkdirSync(outer)
  cpSync(own, join(outer, 'inner'), { recursive: true })
  writeFileSync(join(outer, 'model.safetensors'), '')
  await assert.rejects(
    merge(yaml(`merge_method: passthrough\nmodels:\n  - model: ${join(outer, 'inner')}\n`), outer, { overwrite: true }),
    /holds .*inner, an input, and would replace it/,
  )
  await assert.rejects(merge(text, ''), /empty name/)
})

test('a model of another shape, and one that lacks a tensor', async () => {
  const change = (from: string, to: string): string => {
    const folder = copyModel('ft1')
    const file = join(folder, 'model.safetensors')
    const bytes = readFileSync(file)
    const at = bytes.indexOf(from)
    assert.ok(at > 0 && from.length === to.length)
    bytes.write(to, at)
    writeFileSync(file, bytes)
    return folder
  }
  const text = (folder: string): string =>
    `merge_method: task_arithmetic\nbase_model: models/base\nmodels:\n  - {model: ${folder}, parameters: {weight: 1}}\n`
  assert.match(
    await failure(text(change('"shape":[64,32]', '"shape":[32,64]'))),
    /the models do not fit together: .* is \[32, 64\] in ft1-copy-\d+, \[64, 32\] in base/,
  )
  assert.match(
    await failure(text(change('"model.norm.weight"', '"model.norn.weight"'))),
    /model\.norm\.weight is not in ft1-copy.*model\.norn\.weight is only in ft1-copy/,
  )
})

test("models that scale the decoder's output in different ways are not merged", async () => {
  const tensors = {
    'shared.weight': [
      [2, 2],
      [1, 2, 3, 4],
    ] as [number[], number[]],
    'decoder.final_layer_norm.weight': [[2], [1, 1]] as [number[], number[]],
  }
  const [scaled, plain] = [true, false].map((tie) =>
    writeFolder(join(scratch, `t5-${tie}`), tensors, { model_type: 't5', tie_word_embeddings: tie }),
  )
  const text = `merge_method: linear\nmodels:\n  - {model: ${plain}, parameters: {weight: 1}}\n  - {model: ${scaled}, parameters: {weight: 0}}\n`
  assert.ok((await failure(text)).includes(`scaled by d_model^-0.5 in ${scaled} and not in ${plain} `))
  assert.ok(!readdirSync(scratch).includes('never'))
})

test('TIES with a delta that overflows is refused also where its weight is 0', async () => {
  const [base, one, other] = [-1e38, -1e38, 3.3e38].map((value, i) =>
    writeFolder(join(scratch, `overflow-${i}`), { 'model.norm.weight': [[1], [value]] }, { model_type: 'llama' }),
  )
  const model = (path: string, weight: number) => `  - {model: ${path}, parameters: {weight: ${weight}, density: 1}}\n`
  const text = `merge_method: ties\nbase_model: ${base}\nmodels:\n${model(one!, 0.5)}${model(other!, 0)}`
  assert.match(await failure(text), /"model.norm.weight": the result at index 0 is NaN/)
})
