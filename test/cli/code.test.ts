// A sweep on a task that runs generated programs: refused without leave, and with it the same runs, scored by running them.

import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readResults } from '../../src/record/index.js'
import { openSandbox } from '../../src/tasks/programs/sandbox.js'
import { makePair } from '../run/pair.js'
import { call } from './call.js'

let reason: string | false = false
try {
  openSandbox()
} catch (error) {
  reason = (error as Error).message
}
const folder = makePair()
after(() => rmSync(folder, { recursive: true }))

// The answer goes on with a comment, so that the test alone decides: of four programs, three pass.
const tests = [
  'def check(f): assert f',
  'def check(f): assert f() == 1',
  'def check(f): assert f() == 2',
  'def check(f): f()',
]
writeFileSync(
  join(folder, 'programs.jsonl'),
  tests
    .map(
      (text, i) =>
        `${JSON.stringify({ prompt: `def one(): return 1\n# w${5 + i}`, test: text, target: 'w6', entry_point: 'one' })}\n`,
    )
    .join(''),
)
writeFileSync(
  join(folder, 'programs.yaml'),
  'name: programs\nversion: 1\ndescription: d\ndata: programs.jsonl\nprompt: "{{prompt}}"\ntarget: "{{target}}"\nmetric: humaneval_pass1\nmax_new_tokens: 3\n',
)
writeFileSync(
  join(folder, 'x.yaml'),
  `name: programs
models: [{ name: llama3, base: base, post: post, tasks: [programs.yaml] }]
editors: [{ editor: magnitude, drop_rate: 0.5 }]
score: { items: 4 }
loss: false
`,
)
const run = (...words: string[]) => call(words, { cwd: folder })

test('without leave nothing is run, and one line names the flag; plan says it too', async () => {
  const { status, stderr } = await run('sweep', 'x.yaml', '--jobs', '1')
  assert.notEqual(status, 0)
  assert.match(
    stderr,
    /^deltalab: task programs runs the programs that the model writes; give --allow-code-execution to let it\n$/,
  )
  assert.ok(!existsSync(join(folder, 'results')))
  assert.match(
    (await run('plan', 'x.yaml')).stdout,
    /\nproblem: task programs runs the programs .* --allow-code-execution\n/,
  )
})

test('with leave the workers run the programs; ids are those of the plan', { skip: reason }, async () => {
  const { status, stderr } = await run('sweep', 'x.yaml', '--jobs', '1', '--allow-code-execution')
  assert.equal(status, 0, stderr)
  const { rows } = await readResults(join(folder, 'results', 'programs'))
  assert.deepEqual(
    rows.map(({ error, metric, score_pre, score_post, score_edited, n }) => [
      error,
      metric,
      score_pre,
      score_post,
      score_edited,
      n,
    ]),
    [[null, 'humaneval_pass1', 0.75, 0.75, 0.75, 4]],
  )
  const { runs } = JSON.parse((await run('plan', 'x.yaml', '--json')).stdout) as { runs: { id: string }[] }
  assert.deepEqual(
    runs.map(({ id }) => id),
    rows.map(({ id }) => id),
  )
})
