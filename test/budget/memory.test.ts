// The bound on memory of a choice of codecs: passes are the same whatever it is, and the least that is stated is enough for a real run.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { budgetMemory } from '../../src/budget/memory.js'
import { openStoredPair } from '../../src/compress/index.js'
import { packageRoot } from '../../src/files/index.js'
import { loadOf } from '../../src/loss/index.js'
import { openFixture } from '../models/fixture.js'
import { makePair } from '../run/pair.js'

test('passes get the same memory whatever the bound is: how they are cut moves no loss', async (context) => {
  const folder = makePair()
  context.after(() => rmSync(folder, { recursive: true }))
  const { model, batch } = await openFixture('llama3')
  const pair = await openStoredPair(join(folder, 'base'), join(folder, 'post'))
  const load = loadOf(model, [batch('main')])
  const roomOf = (memory: number) => budgetMemory(pair, { model, load, batches: 1e6 }, memory)
  const [few, many] = [roomOf(7e8), roomOf(4e9)]
  assert.equal(few.passes, many.passes)
  assert.equal(many.writes - few.writes, 33e8)
  await Promise.all([pair.base.close(), pair.post.close()])
})

/** Says the most memory that the process held, in kB, when it ends. */
const SAY =
  "import{isMainThread}from'node:worker_threads';import{writeSync}from'node:fs';" +
  "if(isMainThread)process.on('exit',()=>writeSync(2,'most held: '+process.resourceUsage().maxRSS+' kB\\n'))"

test('the least that is stated is enough for the whole process', (context) => {
  const folder = makePair()
  context.after(() => rmSync(folder, { recursive: true }))
  const [base, post, task, out] = ['base', 'post', 'items.jsonl', 'out.delta'].map((name) => join(folder, name))
  const run = (memory: string) =>
    spawnSync(
      process.execPath,
      [
        ...['--import', `data:text/javascript,${encodeURIComponent(SAY)}`],
        ...[join(packageRoot, 'dist/bundle/cli/main.js'), 'compress', base!, post!, '--out', out!, '--backend', 'wasm'],
        ...['--budget', '4bit', '--task', task!, '--items', '3', '--jobs', '2', '--memory', memory],
      ],
      { encoding: 'utf8' },
    )
  const least = Number(/; (\d+)MB would do/.exec(run('100MB').stderr)?.[1])
  const { status, stderr } = run(`${least}MB`)
  assert.equal(status, 0, stderr)
  const held = Number(/most held: (\d+) kB/.exec(stderr)?.[1]) / 1e3
  context.diagnostic(`${held} MB held, ${least} MB stated`)
  assert.ok(held < least, `${held} MB held, ${least} MB stated`)
})
