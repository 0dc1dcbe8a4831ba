// Paths with `~` and variables of the environment, in words and in every YAML file that names folders.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { modelFolder, remoteModel, resolveModel } from '../../src/hub/index.js'
import { expandPath, placeIn } from '../../src/schema/index.js'
import { loadTask } from '../../src/tasks/index.js'
import { temporary } from '../checkpoint/files.js'

const variables = { DATA: '/data', USER_NAME: 'me' }

test('the home folder and variables stand for folders; other text stays', () => {
  const cases: [given: string, expanded: string][] = [
    ['~', homedir()],
    ['~/models/a', join(homedir(), 'models/a')],
    ['$DATA/a', '/data/a'],
    [`\${DATA}/\${USER_NAME}_2`, '/data/me_2'],
    ['a/~/b', 'a/~/b'],
    ['~other/a', '~other/a'],
    ['org/name@main', 'org/name@main'],
    ['5$', '5$'],
  ]
  for (const [given, expanded] of cases) assert.equal(expandPath(given, variables), expanded)
  assert.throws(() => expandPath('$NONE/a', variables), { message: '$NONE/a: the variable NONE is not set' })
})

test('a path in a file is relative to its folder, unless it expands to a whole one', () => {
  assert.equal(placeIn('/files', 'a.jsonl'), resolve('/files/a.jsonl'))
  assert.equal(placeIn('/files', '~/a.jsonl'), join(homedir(), 'a.jsonl'))
})

test('models, tasks and data of cards', async (t) => {
  const folder = temporary()
  mkdirSync(join(folder, 'model'))
  writeFileSync(join(folder, 'items.jsonl'), '{"prompt": "a", "target": " b"}\n')
  writeFileSync(
    join(folder, 'card.yaml'),
    [
      'name: card',
      'version: 1',
      'description: one item',
      'kind: generate',
      `data: \${DELTALAB_TEST}/items.jsonl`,
      'prompt: "{{prompt}}"',
      'target: "{{target}}"',
      'metric: exact_match',
      'max_new_tokens: 2',
    ].join('\n'),
  )
  writeFileSync(
    join(folder, 'study.yaml'),
    [
      'name: study',
      'models: [{ name: m, base: $DELTALAB_TEST/model, post: $DELTALAB_ORG/name, tasks: ["$DELTALAB_TEST/items.jsonl"] }]',
      'editors: [{ editor: expo, alpha: 0 }]',
    ].join('\n'),
  )
  process.env.DELTALAB_TEST = folder
  process.env.DELTALAB_ORG = 'org'
  t.after(() => {
    delete process.env.DELTALAB_TEST
    delete process.env.DELTALAB_ORG
  })
  const { models } = await loadExperiment(join(folder, 'study.yaml'))
  const [{ base, baseFolder, tasks }] = models as [(typeof models)[0]]
  // Rows call a model by the words of the file.
  assert.deepEqual([base, baseFolder], ['$DELTALAB_TEST/model', join(folder, 'model')])
  assert.equal(tasks[0]!.source, join(folder, 'items.jsonl'))
  assert.equal(remoteModel('$DELTALAB_ORG/name')?.name, 'org/name')
  assert.equal(modelFolder('$DELTALAB_TEST/model'), join(folder, 'model'))
  assert.equal(await resolveModel('$DELTALAB_TEST/model'), join(folder, 'model'))
  assert.equal((await loadTask(join(folder, 'card.yaml'))).items.length, 1)
})
