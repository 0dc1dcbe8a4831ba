// docs/tasks.md says what the schema of cards and the shipped benchmarks say, and the example in it is a card.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { describeTasks, listTasks, SHIPPED } from '../../src/tasks/index.js'
import { loadKind } from './kinds.js'

const text = readFileSync(join(packageRoot, 'docs/tasks.md'), 'utf8')

test('the tables of docs/tasks.md are those of the schema and the cards', async () => {
  assert.ok(text.endsWith(describeTasks()), 'node scripts/docs.mjs writes them')
  const benchmarks = await listTasks({ roots: SHIPPED.slice(1) })
  assert.ok(benchmarks.length >= 28)
  for (const { name } of benchmarks) assert.ok(text.includes(`| \`${name}\` | `), name)
})

test('the example is a card', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tasks-docs-'))
  try {
    const rows = (...lines: string[]) => `country,a,b,c,d,answer\n${lines.join('\n')}\n`
    writeFileSync(join(folder, 'capitals.csv'), rows('Chad,Doha,Lima,Oslo,N’Djamena,N’Djamena'))
    writeFileSync(
      join(folder, 'capitals.train.csv'),
      rows('Peru,Doha,Lima,Oslo,Rome,Lima', 'Italy,Doha,Lima,Oslo,Rome,Rome', 'Norway,Doha,Lima,Oslo,Rome,Oslo'),
    )
    writeFileSync(join(folder, 'x.yaml'), /```yaml\n([\s\S]*?)```/.exec(text)![1]!)
    const {
      items: [item],
      metric,
      others,
    } = await loadKind('choices', join(folder, 'x.yaml'))
    assert.match(
      item!.prompt,
      /^(What is the capital of \w+\?\nAnswer: \w+\n\n){2}What is the capital of Chad\?\nAnswer:$/,
    )
    assert.deepEqual([item!.choices.length, item!.right, metric, others], [4, [3], 'acc', ['acc_norm']])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
