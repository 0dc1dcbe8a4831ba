// The JSON Schemas of YAML files take every file that ships and every form that deltalab takes, and refuse slips that it refuses.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, test } from 'node:test'
import { Ajv, type ValidateFunction } from 'ajv'
import { parse } from 'yaml'
import { z } from 'zod'
import { parseYaml } from '../../src/yaml/index.js'
import { call } from '../cli/call.js'

const KINDS = ['experiment', 'merge', 'recipe', 'zeroth'] as const
const validators: Record<string, ValidateFunction> = {}

before(async () => {
  for (const kind of KINDS) {
    const { status, stdout } = await call(['schema', kind])
    assert.equal(status, 0)
    validators[kind] = new Ajv({ strict: false, allErrors: true }).compile(JSON.parse(stdout))
  }
})

/** What is wrong with a text; empty where it is right. */
function faults(kind: (typeof KINDS)[number], text: string): string {
  const validate = validators[kind]!
  validate(parse(text, { merge: true }))
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`).join('\n')
}

/** YAML files of a folder and of those in it, with their texts. */
const filesIn = (folder: string): { file: string; text: string }[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => join(folder, name))
    // The file of a template has places for names.
    .map((file) => ({ file, text: readFileSync(file, 'utf8').replace(/\{\{(\w+)\}\}/g, '$1') }))

test('every experiment and recipe names its schema in its first line, and is right by it', () => {
  const seen = new Set<string>()
  const cards = join('configs', 'paper', 'tasks')
  for (const { file, text } of ['configs', 'templates']
    .flatMap(filesIn)
    .filter(({ file }) => !file.startsWith(cards))) {
    const [, path, kind] = /^# yaml-language-server: \$schema=(\S+\/(\w+)\.json)\n/.exec(text) ?? []
    assert.ok(kind, file)
    // In a project of `deltalab init` the package is in node_modules.
    const place = path!.startsWith('node_modules/deltalab/') ? path!.slice(22) : join(dirname(file), path!)
    assert.equal(place, `dist/schemas/${kind}.json`, file)
    assert.equal(faults(kind as (typeof KINDS)[number], text), '', file)
    seen.add(kind)
  }
  assert.deepEqual([...seen].sort(), ['experiment', 'recipe', 'zeroth'])
})

test('every merge file of the fixtures is right', () => {
  for (const { file, text } of filesIn('test/fixtures/merge')) assert.equal(faults('merge', text), '', file)
})

test('the copy of a file does not name the schema, whose path is relative to the file', () => {
  for (const line of ['# yaml-language-server: $schema=../x.json', '#  yaml-language-server : $schema=../x.json\r']) {
    const { text } = parseYaml(`${line}\n# About.\nkey: 1\n`, 'x.yaml', z.unknown())
    assert.equal(text, '# About.\nkey: 1\n')
  }
})

const models = 'models: [{ name: m, base: b, post: p, tasks: [math] }]'
const experiment = (rest: string) => `name: e\n${models}\n${rest}`
const merges = (rest: string) => experiment(`merges: [{ merger: ties, posts: [p, q], ${rest} }]`)
const merge = (rest: string) => `models: [{ model: a }, { model: b }]\nbase_model: c\n${rest}`

test('what deltalab takes is right: lists of values, values for each post, plugins, chains, filters, words of mergekit', () => {
  for (const text of [
    experiment(
      'editors: [{ editor: dare, drop_rate: [0.5, 0.9], rescale: false }]\nloss: kl\nscore: false\nseeds: [1, 2]',
    ),
    experiment('editors: [{ editor: of_a_plugin, own: [1, two] }]\nplugins: [./own.ts]'),
    experiment('editors: [{ chain: [{ editor: magnitude, drop_rate: 0.5 }, { editor: bitdelta }], label: both }]'),
    merges('density: { p: 0.5, q: 0.9 }, lambda: [1, 2], convention: [paper, mergekit]'),
    merges('density: [0.5, { p: 0.5, q: 0.9 }], tasks: own, edit: { editor: dare, drop_rate: [0.1, 0.2] }'),
  ])
    assert.equal(faults('experiment', text), '', text)
  for (const text of [
    merge(
      'merge_method: ties\nparameters: { density: "0.5", normalize: 1, weight: [0, { filter: mlp, value: 1 }], what: x }\nlater: 1',
    ),
    merge('merge_method: linear\nparameters:\ndtype: bfloat16\nmodules: {}'),
    merge('merger: ties\nparameters: { density: [0.1, 0.9], weight: [{ filter: mlp, value: [1, 0] }, { value: 1 }] }'),
  ])
    assert.equal(faults('merge', text), '', text)
})

test('slips are named at their place', () => {
  const bad: [(typeof KINDS)[number], string, RegExp][] = [
    ['experiment', experiment('editors: [{ editor: dare, drop_rat: 0.5 }]'), /\/editors\/0 must NOT have additional/],
    ['experiment', experiment('editors: [{ editor: dare }]'), /\/editors\/0 must have required property 'drop_rate'/],
    ['experiment', experiment('editors: [{ editor: dare, drop_rate: 1.5 }]'), /\/editors\/0\/drop_rate must be <= 1/],
    [
      'experiment',
      experiment('editors: [{ editor: dare, drop_rate: [] }]'),
      /\/editors\/0\/drop_rate must NOT have fewer/,
    ],
    [
      'experiment',
      experiment('editors: [{ chain: [{ editor: dare, drop_rate: no }] }]'),
      /\/chain\/0\/drop_rate must be/,
    ],
    ['experiment', experiment('edtors: []'), /must NOT have additional properties/],
    ['experiment', 'name: e\neditors: []', /must have required property 'models'/],
    ['experiment', merges('densty: 0.5'), /\/merges\/0 must NOT have additional properties/],
    ['experiment', merges('edit: { editor: dare, drop: 0.5 }'), /\/merges\/0\/edit must NOT have additional/],
    ['merge', merge('merge_method: tie'), /\/merge_method must be equal to one of/],
    ['merge', merge('merger: ties\nseed: -1'), /\/seed must be >= 0/],
    ['merge', merge('merger: ties\nout: x'), /must NOT have additional properties/],
    ['merge', merge(''), /must have required property 'merger'/],
    ['recipe', 'name: r\nout: o\nsteps: 0', /\/steps must be > 0/],
    [
      'zeroth',
      'name: z\nfrom: b\nitems: i\ntask: t\nruns: [{ name: r, method: mezo, learning_rate: 0 }]',
      /\/runs\/0\/learning_rate must be > 0/,
    ],
  ]
  for (const [kind, text, message] of bad) assert.match(faults(kind, text), message, text)
})

test('an option is explained by its description, range and default', async () => {
  const { stdout } = await call(['schema', 'experiment'])
  const entry = JSON.parse(stdout).properties.editors.items
  const dare = entry.allOf.find((each: any) => each.if.properties.editor.const === 'dare').then.properties
  assert.match(dare.drop_rate.description, /[a-z]/)
  assert.deepEqual([dare.drop_rate.anyOf[0].minimum, dare.drop_rate.anyOf[0].maximum], [0, 1])
  assert.equal(dare.rescale.default, true)
})
