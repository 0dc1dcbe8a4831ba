// The YAML reader: values, and the line and column of everything that is wrong with them, also where it is found later.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { UserError, within } from '../../src/errors/index.js'
import { section } from '../../src/schema/index.js'
import { locateValue, parseYaml } from '../../src/yaml/index.js'
import { failure } from '../failure.js'

const schema = section({
  name: z.string(),
  editors: z.array(z.looseObject({ editor: z.string() })).default([]),
})

const read = (text: string) => parseYaml(text, 'x.yaml', schema)

const text = 'name: a\neditors:\n  - { editor: dare, drop_rate: 2 }\n  - editor: expo\n    alpha: x\n'

test('what the schema refuses has line, column and path', () => {
  assert.equal(read(text).value.editors.length, 2)
  assert.match(
    failure(() => read('nmae: a\n')),
    /^x\.yaml:1:1: nmae: unknown key "nmae"; did you mean "name"/,
  )
  assert.match(
    failure(() => read('name: [a]\n')),
    /^x\.yaml:1:1: name: must be text; got \["a"\]$/,
  )
  assert.match(
    failure(() => read('name: a\neditors:\n  - { label: b }\n')),
    /^x\.yaml:3:5: editors\[0\]\.editor: is required/,
  )
})

test('what is found later is placed by its path, or by the nearest thing around it', () => {
  const { locate } = read(text)
  const at = (...path: (string | number)[]) =>
    failure(() =>
      locate(() => {
        throw new UserError('wrong', { path })
      }),
    )
  assert.equal(at('editors', 0, 'drop_rate'), 'x.yaml:3:21: editors[0].drop_rate: wrong')
  assert.equal(at('editors', 1, 'alpha'), 'x.yaml:5:5: editors[1].alpha: wrong')
  assert.equal(at('editors', 1, 'k'), 'x.yaml:4:5: editors[1].k: wrong')
  assert.equal(at('seeds'), 'x.yaml:1:1: seeds: wrong')
  assert.equal(at(), 'x.yaml:1:1: wrong')
})

test('an error without a path passes; a placed error is placed once, and again in the document that names its file', async () => {
  const { locate } = read(text)
  const plain = new UserError('the disk is full')
  assert.equal(
    failure(() =>
      locate(() => {
        throw plain
      }),
    ),
    plain.message,
  )
  const inner = locate(async () => within(['editors', 1], () => Promise.reject(new UserError('wrong'))))
  await assert.rejects(inner, { message: 'x.yaml:4:5: editors[1]: wrong', path: undefined })
  const outer = parseYaml('name: b\n', 'y.yaml', schema)
  const both = outer.locate(() =>
    within(['name'], () => locate(() => within(['name'], async () => Promise.reject(plain)))),
  )
  await assert.rejects(both, { message: 'y.yaml:1:1: name: x.yaml:1:1: name: the disk is full' })
})

test('YAML that is none: syntax, two documents, nothing, aliases', () => {
  assert.match(
    failure(() => read('name: [\n')),
    /^x\.yaml:\d+:\d+: /,
  )
  assert.match(
    failure(() => read('name: a\n---\nname: b\n')),
    /^x\.yaml:2:1: a second document begins here/,
  )
  assert.match(
    failure(() => read('# only a comment\n')),
    /^x\.yaml: must be a mapping of keys to values; nothing is in it$/,
  )
  assert.match(
    failure(() => read('name: *who\n')),
    /^x\.yaml:1:7: /,
  )
  assert.match(
    failure(() => read('name: &a [*a]\n')),
    /^x\.yaml:1:\d+: an alias contains itself$/,
  )
})

test('merge keys are read, as PyYAML does', () => {
  const { value } = read('name: a\neditors:\n  - &d { editor: dare, k: 1 }\n  - { <<: *d, k: 2 }\n')
  assert.deepEqual(value.editors, [
    { editor: 'dare', k: 1 },
    { editor: 'dare', k: 2 },
  ])
})

test('a value from code is checked in the same way; errors name it', () => {
  assert.match(
    failure(() => locateValue({ name: 3 }, 'sweep', schema)),
    /^sweep: name: must be text; got 3$/,
  )
  const { value, locate } = locateValue({ name: 'a' }, 'sweep', schema)
  assert.deepEqual(value, { name: 'a', editors: [] })
  assert.match(
    failure(() =>
      locate(() => {
        throw new UserError('wrong', { path: ['editors', 0] })
      }),
    ),
    /^sweep: editors\[0\]: wrong$/,
  )
})
