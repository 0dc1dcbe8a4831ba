// Texts in the place of tasks, through the command line and from code: eval, attribute and a sweep.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { evaluate, sweep } from '../../src/api/index.js'
import { call } from './call.js'
import '../backend.js'

const folder = mkdtempSync(join(tmpdir(), 'text-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'notes.txt')
writeFileSync(file, '12 + 7 = 19. Ana has 12 apples and gives 7 to Ben. '.repeat(6))
const [base, post] = ['base', 'math'].map((name) => join('checkpoints', 'small', name)) as [string, string]

test('eval has the perplexity of the loss, on windows; --items takes the first, as if the text ended there', async () => {
  const { stdout } = await call(['eval', post, '--text', file, '--length', '24', '--json'])
  const found = JSON.parse(stdout)
  assert.equal(found.metric, 'perplexity')
  assert.equal(found.of, 'windows')
  assert.ok(Math.abs(found.score / Math.exp(found.loss) - 1) < 1e-9)
  assert.ok(found.stderr > 0)
  const few = await evaluate(post, { task: { text: file, length: 24 }, items: 2 })
  assert.deepEqual([few.items, few.tokens], [2, 46])
  const shown = await call(['eval', post, '--text', file, '--length', '24', '--items', '2'])
  assert.match(
    shown.stdout,
    /on notes: perplexity [\d.]+ \(± [\d.]+\) on 2 windows, loss [\d.]+ nats per token over 46 tokens\n/,
  )
})

test('a text and a task exclude each other, and its options need it', async () => {
  const refused = async (words: string[], pattern: RegExp) => {
    const { status, stderr } = await call(['eval', post, ...words])
    assert.match(stderr, pattern)
    assert.notEqual(status, 0)
  }
  await refused(['--text', file, '--task', 'math'], /--task and --text exclude each other/)
  await refused(['--task', 'math', '--stride', '4'], /--stride is of a text: give --text with it/)
  await refused(
    ['--text', file, '--length', '200'],
    /windows of 200 tokens are longer than the model reads: 128 at most/,
  )
  await refused(
    ['--text', file, '--length', '8', '--stride', '9'],
    /a stride of 9 tokens leaves some out between windows of 8/,
  )
  await refused([], /give a task with --task, or a file of text with --text/)
})

test('a sweep takes texts as sections, beside tasks; the same text with other windows has a name of its own', async () => {
  const results = await sweep(
    {
      name: 'texts',
      models: [
        {
          name: 'small',
          base,
          post,
          tasks: [
            { text: file, length: 24 },
            { text: file, length: 24, stride: 12, name: 'overlap' },
          ],
        },
      ],
      editors: [{ editor: 'dare', drop_rate: 0.9 }],
      score: { items: 3 },
      loss: { items: 3, rule: 'midpoint', steps: 1 },
    },
    { out: join(folder, 'results'), jobs: 1 },
  )
  const rows = [...results.rows].sort((a, b) => (a.task < b.task ? -1 : 1))
  assert.deepEqual(
    rows.map(({ task, metric, n, loss_items, loss_tokens }) => [task, metric, n, loss_items, loss_tokens]),
    [
      ['notes', 'perplexity', 3, 3, 69],
      ['overlap', 'perplexity', 3, 3, 47],
    ],
  )
  for (const row of rows) {
    assert.ok(Math.abs(row.score_post! / Math.exp(row.loss_post!) - 1) < 1e-5)
    assert.ok(Math.abs(row.score_edited! / Math.exp(row.loss_edited!) - 1) < 1e-5)
  }
})
