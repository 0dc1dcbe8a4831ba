// docs/config.md, docs/training.md and docs/results.md say what the schemas say, and the example in the first is an experiment.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import {
  describeConfig,
  describeTraining,
  experimentSchema,
  loadExperiment,
  trainingSchema,
} from '../../src/config/index.js'
import { packageRoot } from '../../src/files/index.js'
import { COLUMNS, describeRecords } from '../../src/record/index.js'
import { temporary } from '../checkpoint/files.js'

const read = (name: string) => readFileSync(join(packageRoot, 'docs', name), 'utf8')

test('the tables of docs/config.md are those of the schema', () => {
  assert.ok(read('config.md').endsWith(describeConfig()), 'node scripts/docs.mjs writes them')
  for (const key of [...Object.keys(experimentSchema.shape), 'chain', 'drop_rate', 'items', 'exclude'])
    assert.match(read('config.md'), new RegExp(`\\b${key}\\b`))
})

test('the tables of docs/results.md are those of the rows', () => {
  assert.ok(read('results.md').endsWith(describeRecords()), 'node scripts/docs.mjs writes them')
  for (const column of COLUMNS) assert.match(read('results.md'), new RegExp(`\`${column}\``))
})

test('docs/training.md has the table of the recipe, and its example is one', () => {
  const text = read('training.md')
  assert.ok(text.endsWith(describeTraining()), 'node scripts/docs.mjs writes it')
  trainingSchema.parse(parse(/```yaml\n([\s\S]*?)```/.exec(text)![1]!))
})

test('the example is an experiment', async () => {
  const file = join(temporary(), 'x.yaml')
  writeFileSync(file, /```yaml\n([\s\S]*?)```/.exec(read('config.md'))![1]!)
  const { edits } = await loadExperiment(file)
  assert.deepEqual(
    edits.map((edit) => edit.label),
    ['dare', 'dare', 'dare', 'drop only', 'drop only', 'drop only', 'on weights', 'both'],
  )
})
