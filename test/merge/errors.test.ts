// What is wrong with a merge file or its models is said with file, line and column, before a weight is read.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
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
  ['an unknown merger', `merger: tie\n${models('{}')}`, /^1:1: merger: unknown merger "tie"; did you mean "ties"/],
  ['neither', models('{}'), /^1:1: either `merge_method`.*or `merger`/],
  [
    'an unknown key',
    `merge_method: ties\nbase_modle: x\n${models('{weight: 1}')}`,
    /^2:1: base_modle: unknown key "base_modle"; did you mean "base_model"/,
  ],
  [
    'a key of a model that nobody reads',
    'merge_method: linear\nmodels:\n  - model: models/ft1\n    wieght: 1\n',
    /^4:5: models\[0\]\.wieght: unknown key/,
  ],
  [
    'an unknown parameter',
    `merge_method: ties\n${models('{weight: 1, densty: 0.5}')}`,
    /^4:\d+: models\[0\]\.parameters\.densty: unknown parameter of a model of ties "densty"; did you mean "density"/,
  ],
  [
    'a parameter of the merge at a model',
    `merge_method: ties\n${models('{weight: 1, lambda: 0.5}')}`,
    /^4:\d+: models\[0\]\.parameters\.lambda: unknown parameter/,
  ],
  ['a missing weight', `merge_method: ties\n${models('{density: 0.5}')}`, /^4:\d+: models\[0\].*: weight of ties is required: a number/],
  [
    'a weight that only some tensors have',
    `merge_method: task_arithmetic\n${models('{weight: [{filter: mlp, value: 1}]}')}`,
    /weight of task_arithmetic is required/,
  ],
  [
    'a density out of range',
    `merge_method: dare_ties\n${models('{weight: 1, density: 1.5}')}`,
    /^4:\d+: models\[0\]\.parameters\.density: density of dare_ties must be a number from 0 to 1; got 1.5/,
  ],
  [
    'a gradient that leaves the range',
    `merge_method: ties\n${models('{weight: 1, density: [0.5, -0.1]}')}`,
    /density of ties must be a number from 0 to 1; got -0.1/,
  ],
  ["DELLA's window", `merge_method: della\n${models('{weight: 1, density: 0.9}')}`, /^4:\d+: models\[0\].*epsilon.*inside \(0, 1\)/],
  [
    'an unknown filter',
    `merge_method: task_arithmetic\n${models('{weight: [{filter: self_atn, value: 1}, {value: 0}]}')}`,
    /^4:\d+: models\[0\]\.parameters\.weight\[0\]\.filter: "self_atn" is part of no tensor name; nearest: model\.layers\.0\.self_attn/,
  ],
  [
    'no base',
    'merge_method: ties\nmodels:\n  - {model: models/ft1, parameters: {weight: 1}}\n',
    /^1:1: ties merges deltas and needs base_model/,
  ],
  [
    'too few models',
    'merge_method: model_stock\nbase_model: models/base\nmodels:\n  - model: models/ft1\n',
    /model_stock merges at least 2 models besides the base; got 1/,
  ],
  [
    'a base that is no end of slerp',
    'merge_method: slerp\nbase_model: models/base\nparameters: {t: 0.5}\nmodels:\n  - model: models/ft1\n  - model: models/ft2\n',
    /^2:1: base_model: slerp needs base_model to be one of its two models/,
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
    'an empty range',
    'merge_method: passthrough\nslices:\n  - sources:\n      - {model: models/ft1, layer_range: [0, 0]}\n',
    /layer_range.*the first below the second|layer_range/,
  ],
  [
    'a folder that is not there',
    'merge_method: linear\nmodels:\n  - {model: models/ft9, parameters: {weight: 1}}\n',
    /^3:\d+: models\[0\]\.model: models\/ft9: no such checkpoint folder/,
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
    'a tokenizer of nobody',
    `merge_method: ties\ntokenizer_source: models/ft3\n${models('{weight: 1}')}`,
    /^2:1: tokenizer_source: must be base, union or a model of this file/,
  ],
  ['modules', `merge_method: ties\nmodules: {}\n`, /^2:1: modules: is not read: .* give models, or slices/],
  ['broken YAML', 'merge_method: [ties\n', /^\d+:\d+: /],
]

for (const [what, text, message] of wrong) {
  test(what, async () => assert.match(await failure(text), message))
}

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
