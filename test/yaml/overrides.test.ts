// Values in place of a document's own: where they go, what the document becomes, and what is said where one is wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { UserError, within } from '../../src/errors/index.js'
import { section } from '../../src/schema/index.js'
import { parseYaml, readOverride } from '../../src/yaml/index.js'
import { failure } from '../failure.js'

const schema = section({
  seeds: z.number().int().default(1),
  score: z
    .union([z.literal(false), section({ items: z.number().default(8), validation: z.number().optional() })])
    .prefault({}),
  editors: z.array(z.looseObject({ editor: z.string() })).default([]),
})

const read = (text: string, ...sets: string[]) =>
  parseYaml(text, 'x.yaml', schema, { overrides: sets.map(readOverride) })

const text = 'editors:\n  - &one { editor: dare, drop_rate: 0.5 }\n  - *one\n'

test('a value takes its place, and no other one changes', () => {
  const { value } = read(text, 'seeds=10', 'editors.0.drop_rate=[0.5, 0.9]', 'score.items=2', 'score.validation=3')
  assert.deepEqual(value, {
    seeds: 10,
    score: { items: 2, validation: 3 },
    editors: [
      { editor: 'dare', drop_rate: [0.5, 0.9] },
      { editor: 'dare', drop_rate: 0.5 },
    ],
  })
  assert.deepEqual(read(text, 'editors[1].drop_rate=0.7').value.editors[1], { editor: 'dare', drop_rate: 0.7 })
  assert.equal(read(text, 'score=false').value.score, false)
  assert.deepEqual(read(text, 'editors=[{ editor: expo, note: a=b }]').value.editors, [{ editor: 'expo', note: 'a=b' }])
  assert.equal(read('seeds: 2\n', 'seeds=3', 'seeds=4').value.seeds, 4)
})

test('the text is the document that results, and reads as the same values', () => {
  const found = read(text, 'editors.0.drop_rate=0.9')
  assert.match(found.text, /^# x\.yaml, with --set editors\.0\.drop_rate=0\.9\n/)
  assert.deepEqual(read(found.text).value, found.value)
  assert.equal(read(text).text, text)
})

test('what is wrong is said of the override, and of the document where that is at fault', () => {
  assert.equal(
    failure(() => read(text, 'sedes=2')),
    '--set sedes=2: sedes: unknown key "sedes"; did you mean "seeds"? Known: seeds, score, editors',
  )
  assert.match(
    failure(() => read(text, 'score.itms=2')),
    /^--set score\.itms=2: score\.itms: unknown key "itms"; did you mean "items"/,
  )
  assert.match(
    failure(() => read(text, 'seeds=many')),
    /^--set seeds=many: seeds: must be a number; got "many"$/,
  )
  assert.match(
    failure(() => read(`${text}sedes: 3\n`, 'seeds=2')),
    /^x\.yaml:4:1: sedes: unknown key/,
  )
  assert.match(
    failure(() => read(text, 'editors.2.drop_rate=1')),
    /^--set editors\.2\.drop_rate=1: editors is a list of 2: its entries are 0 to 1; got 2$/,
  )
  assert.match(
    failure(() => read('seeds: 2\n', 'seeds.first=1')),
    /^--set seeds\.first=1: seeds is 2, and has no keys; set seeds itself$/,
  )
  const { locate } = read(text, 'editors.1.drop_rate=7')
  const fail = (path: PropertyKey[]) =>
    failure(() =>
      locate(() =>
        within(path, () => {
          throw new UserError('too large', { path: [] })
        }),
      ),
    )
  assert.equal(fail(['editors', 1, 'drop_rate']), '--set editors.1.drop_rate=7: editors[1].drop_rate: too large')
  assert.equal(fail(['editors', 0, 'drop_rate']), 'x.yaml:2:26: editors[0].drop_rate: too large')
  for (const given of ['seeds', '=1', 'editors..a=1'])
    assert.match(
      failure(() => readOverride(given)),
      new RegExp(`^--set ${given.replaceAll('.', '\\.')}: `),
    )
  assert.match(
    failure(() => readOverride('seeds=[1')),
    /^--set seeds=\[1: the value is no YAML: /,
  )
})
