// mergekit's YAML as it stands: what pydantic and PyYAML make of it, and what is passed over with one line. Numbers and verdicts are
// those of mergekit 0.1.5; test/fixtures/mergekit has its files and results.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { openMerge } from '../../src/merge/index.js'
import { asNumber, asTruth } from '../../src/merge/pydantic.js'
import { locateMerge } from '../../src/merge/read.js'
import { parseYaml } from '../../src/yaml/index.js'
import { folder, temporary } from '../checkpoint/files.js'

test('words without quotes are those of PyYAML', () => {
  const words: [string, unknown][] = [
    ['yes', true],
    ['On', true],
    ['OFF', false],
    ['no', false],
    ['y', 'y'],
    ['~', null],
    ['', null],
    ['1e-3', '1e-3'],
    ['1.0e5', '1.0e5'],
    ['1.5e-1', 0.15],
    ['.5', 0.5],
    ['+.5', '+.5'],
    ['010', 8],
    ['0o7', '0o7'],
    ['-0x1F', -31],
    ['0b101', 5],
    ['1_000', 1000],
    ['1:30', 90],
    ['-1:30.5', -90.5],
    ['2001-01-01', new Date('2001-01-01')],
    ['"yes"', 'yes'],
    ['.inf', Infinity],
  ]
  for (const [word, value] of words)
    assert.deepEqual(parseYaml(`x: ${word}\n`, 'x', z.unknown(), { python: () => true }).value, { x: value }, word)
})

test('values of parameters are those of pydantic', () => {
  const numbers: [unknown, unknown][] = [
    [true, 1],
    [' 0.5 ', 0.5],
    ['1_0', 10],
    ['1E-1', 0.1],
    ['+.5', 0.5],
    ['0,5', '0,5'],
    ['true', 'true'],
    ['', ''],
  ]
  for (const [given, value] of numbers) assert.deepEqual(asNumber(given), value, String(given))
  const truths: [unknown, unknown][] = [
    [1, true],
    [0, false],
    [2, 2],
    [0.5, 0.5],
    ['Yes', true],
    ['t', true],
    ['off', false],
    ['0', false],
    [' true', ' true'],
    ['', ''],
  ]
  for (const [given, value] of truths) assert.deepEqual(asTruth(given), value, String(given))
})

const models = [{ model: 'a' }, { model: 'b' }]

test('keys that mergekit does not have are passed over with a line for each name', () => {
  const { value, notes } = locateMerge(
    {
      merge_method: 'ties',
      name: 'mine',
      random_seed: 0,
      base_modle: 'x',
      dtype: 'torch.bfloat16',
      tokenizer_source: null,
      models: models.map((entry) => ({ ...entry, weight: 1 })),
      parameters: { weight: { filter: 'mlp', value: '0.5' }, normalize: [] },
    },
    'x',
  )
  assert.deepEqual(notes, [
    'name: mergekit has no such key here, and it has no effect',
    'random_seed: mergekit has no such key here, and it has no effect; the seed is --random-seed (--seed), or `seed` in the file',
    'base_modle: mergekit has no such key here, and it has no effect; did you mean "base_model"?',
    'models[0].weight and 1 more of this name: mergekit has no such key here, and it has no effect',
  ])
  assert.deepEqual([value.dtype, value.tokenizer_source, value.models], ['bfloat16', undefined, models])
  assert.deepEqual(value.parameters, { weight: [{ filter: 'mlp', value: '0.5' }], normalize: [] })
})

test('options of our editors in a mergekit file are numbers, though YAML 1.1 reads 5e-1 as text', () => {
  const editors = [{ editor: 'dare', drop_rate: '5e-1', rescale: true }]
  const { value } = locateMerge({ merge_method: 'linear', models: [{ model: 'a', editors }] }, 'x')
  assert.deepEqual(value.models![0]!.editors, [{ editor: 'dare', drop_rate: 0.5, rescale: true }])
})

test('names of models as sections; a module called default', () => {
  const nested = { model: { path: 'a', revision: 'r' }, lora: { path: 'l' } }
  const { value } = locateMerge(
    {
      merge_method: 'linear',
      base_model: { model: 'b' },
      parameters: { weight: 1, normalize: true },
      modules: {
        default: {
          parameters: { weight: [{ filter: 'mlp', value: 0 }] },
          slices: [{ sources: [{ model: nested, layer_range: ['0', 2] }], residual_weight: 1 }],
        },
      },
    },
    'x',
  )
  assert.equal(value.base_model, 'b')
  assert.deepEqual(value.slices, [{ sources: [{ model: 'a@r+l', layer_range: [0, 2] }] }])
  assert.deepEqual(value.parameters, {
    weight: [{ filter: 'mlp', value: 0 }, { value: 1 }],
    normalize: [{ value: true }],
  })
})

test('experts that are stored one by one are merged so, and a line says what mergekit does', async () => {
  const root = temporary()
  const names = ['mlp.experts.0.gate_proj', 'mlp.experts.1.gate_proj', 'self_attn.q_proj']
  const model = (label: string) =>
    folder(
      join(root, label),
      Object.fromEntries(names.map((name) => [`model.layers.0.${name}.weight`, [[1, 1], [1]] as [number[], number[]]])),
    )
  const notesOf = async (value: object) => {
    const models = ['a', 'b'].map((label) => ({ model: model(label) }))
    const opened = await openMerge('merge.yml', locateMerge({ ...value, models }, 'merge.yml'), { plugins: [] })
    await opened.close()
    return opened.plan.notes
  }
  const [note, ...more] = await notesOf({ merge_method: 'karcher' })
  assert.match(note!, /^each matrix of an expert is merged by itself/)
  assert.deepEqual(more, [])
  assert.deepEqual(await notesOf({ merger: 'karcher' }), [])
})
