// The examples run as plain Node runs them, and print what they printed when they were written.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { packageRoot } from '../src/files/index.js'
import './backend.js'

/** Lines that each example prints, among others. */
const LINES: Record<string, readonly string[]> = {
  attribution: [
    'exact loss change 0.0356 nats per token, Riemann sum 0.0299',
    '0.0027  model.layers.3.self_attn.o_proj.weight',
  ],
  editor: [
    'mean_sign keeps the laws',
    '| mean_sign |   0.5 |    0.001315 |     100.0 |',
    '| mean_sign |     1 |     0.08054 |      56.3 |',
  ],
  divergence: [
    'KL 0.0064 nats, same token at 94.5 %',
    '| quantise     | bits = 1 |           0.32 | 0.9935 |            0.9935 |    3.071 |         61.0 |            21.65 |       0.0 |',
  ],
  merge: ['39 tensors, 843136 parameters', 'math: 100.0 % of 16 items', 'code: 87.5 % of 16 items'],
  figure: [
    '| dare      |     5 |    100.0 |      0.0 | 99.8 ± 0.0 | 98.6 ± 0.4 |',
    '| magnitude |     1 |    100.0 |      0.0 |      100.0 |        0.2 |',
  ],
  task: ['checkpoints/small/base: 0.0 % of 16 items', 'checkpoints/small/math: 100.0 % of 16 items'],
}

const examples = readdirSync(join(packageRoot, 'examples'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3))

test('every example is run here', () => {
  assert.deepEqual(Object.keys(LINES).sort(), examples.sort())
})

for (const name of examples) {
  test(`node dist/examples/${name}.js prints what it says`, async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [`dist/examples/${name}.js`], {
      cwd: packageRoot,
    })
    assert.equal(stderr, '')
    for (const line of LINES[name] ?? []) assert.ok(stdout.split('\n').includes(line), `${line} is not in\n${stdout}`)
  })
}
