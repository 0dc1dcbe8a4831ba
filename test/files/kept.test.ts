// Values that are kept on disk: the same again without computing, whatever was damaged; and nothing where no folder is.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { openKept } from '../../src/files/index.js'

const root = mkdtempSync(join(tmpdir(), 'kept-'))
after(() => rmSync(root, { recursive: true }))
let number = 0

/** A folder, and what counts how often a value is computed. */
function fresh() {
  const folder = join(root, String(number++))
  mkdirSync(folder)
  const kept = openKept(join(folder, 'values'))
  const calls: unknown[] = []
  const recall = (key: readonly unknown[], value: unknown) =>
    kept.recall(key, async () => {
      calls.push(value)
      return value
    })
  return { folder: join(folder, 'values'), recall, calls }
}

test('a value comes back by its key alone, to the last bit', async () => {
  const json = fc.jsonValue({ noUnicodeString: false }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.array(fc.string()), json), { maxLength: 4 }), async (pairs) => {
      const { recall, calls } = fresh()
      const first = new Map<string, unknown>()
      for (const [key, value] of [...pairs, ...pairs]) {
        const name = JSON.stringify(key)
        if (!first.has(name)) first.set(name, value)
        assert.deepEqual(await recall(key, value), first.get(name))
      }
      assert.equal(calls.length, first.size)
    }),
    { numRuns: 20 },
  )
})

test('a file that is damaged in any byte, cut or empty is computed again', async () => {
  const { folder, recall, calls } = fresh()
  await recall(['k'], { loss: 0.1, items: [1, 2] })
  const path = join(folder, readdirSync(folder)[0]!)
  const whole = readFileSync(path)
  for (const at of [0, 63, 65, 70, whole.length - 1, -1, -2]) {
    const damaged = at < 0 ? whole.subarray(0, at === -1 ? 0 : whole.length - 1) : Buffer.from(whole)
    if (at >= 0) damaged[at]! ^= 1
    writeFileSync(path, damaged)
    assert.deepEqual(await recall(['k'], { loss: 0.1, items: [1, 2] }), { loss: 0.1, items: [1, 2] })
    assert.deepEqual(readFileSync(path), whole, `byte ${at}`)
  }
  assert.equal(calls.length, 8)
  assert.deepEqual(readdirSync(folder).length, 1)
})

test('an error is not kept, and a folder is made only in one that is there', async () => {
  const { folder, recall, calls } = fresh()
  const kept = openKept(join(folder, 'no', 'values'))
  assert.equal(await kept.recall(['k'], async () => 1), 1)
  assert.ok(!existsSync(folder))
  const failing = openKept(folder)
  await assert.rejects(
    failing.recall(['k'], async () => {
      throw new Error('no memory')
    }),
    /no memory/,
  )
  assert.equal(await recall(['k'], 2), 2)
  assert.deepEqual(calls, [2])
})
