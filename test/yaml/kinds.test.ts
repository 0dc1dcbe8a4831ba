// Files of another kind: a document that is mostly of another schema is named by the keys that only its kind has.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experimentSchema, trainingSchema } from '../../src/config/index.js'
import { mergeSchema } from '../../src/merge/index.js'
import { parseYaml } from '../../src/yaml/index.js'
import { zerothSchema } from '../../src/zeroth/index.js'

const MERGE = 'models:\n  - { model: a, parameters: { weight: 1 } }\nmerge_method: linear\ndtype: float16\n'
const EXPERIMENT =
  'name: x\nmodels: [{ name: m, base: a, post: b, tasks: [math] }]\neditors: [{ editor: expo, alpha: 0 }]\nseeds: 2\n'
const TRAINING = 'name: x\nout: o\nfrom: a\ntokenizer: a\nitems: i\nbatch: 1\nsteps: 1\nlearning_rate: 1\n'
const MOE = 'base_model: a\ngate_mode: hidden\nexperts: [{ source_model: a }]\n'
const HARNESS = 'task: t\ndataset_path: d\ndoc_to_text: q\nmetric_list: []\n'
const CONFIG = 'architectures: [LlamaForCausalLM]\nmodel_type: llama\nhidden_size: 8\n'

const schemas = { sweep: experimentSchema, merge: mergeSchema, train: trainingSchema, zeroth: zerothSchema }

const cases: [command: keyof typeof schemas, text: string, message: RegExp][] = [
  ['sweep', MERGE, /^x:3:1: merge_method: this is a merge file: deltalab merge reads it$/],
  ['train', MERGE, /^x:3:1: merge_method: this is a merge file: deltalab merge reads it$/],
  ['merge', EXPERIMENT, /^x:3:1: editors: this is an experiment: deltalab sweep reads it$/],
  ['zeroth', EXPERIMENT, /^x:3:1: editors: this is an experiment: deltalab sweep reads it$/],
  ['sweep', TRAINING, /^x:8:1: learning_rate: this is a training recipe: deltalab train reads it$/],
  ['merge', TRAINING, /^x:8:1: learning_rate: this is a training recipe: deltalab train reads it$/],
  ['merge', MOE, /^x:2:1: gate_mode: this is a file of mergekit's moe, .* deltalab merges weights only$/],
  ['sweep', HARNESS, /^x:2:1: dataset_path: this is a task of lm-evaluation-harness; /],
  [
    'sweep',
    'task: t\nclass: task.Own\n',
    /^x:2:1: class: this is a task of lm-evaluation-harness that is a class of Python/,
  ],
  ['merge', CONFIG, /^x:2:1: model_type: this is a model's config.json; /],
]

for (const [command, text, message] of cases)
  test(`${command} is given ${text.split('\n')[0]}`, () => {
    assert.throws(() => parseYaml<unknown>(text, 'x', schemas[command]), { message })
  })

test('one key too much makes no other file', () => {
  assert.throws(() => parseYaml(`${EXPERIMENT}merge_method: linear\n`, 'x', experimentSchema), {
    message: /^x:5:1: merge_method: unknown key "merge_method"/,
  })
  assert.throws(() => parseYaml(`${MERGE}score: false\n`, 'x', mergeSchema), { message: /: unknown key "score"/ })
})

test('a file of its own kind is read', () => {
  assert.equal(parseYaml(MERGE, 'x', mergeSchema).value.merge_method, 'linear')
  assert.equal(parseYaml(EXPERIMENT, 'x', experimentSchema).value.name, 'x')
  assert.equal(parseYaml(TRAINING, 'x', trainingSchema).value.steps, 1)
})
