// Greedy soup on checkpoints: the value of a soup is that of the averaged weights, and the merge file makes the same average.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findSoup, soupFile } from '../../src/calibrate/index.js'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { handler } from '../../src/cli/commands/merge.js'
import { measureModel } from '../../src/run/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'

const checkpoints = fileURLToPath(new URL('../../../checkpoints/', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'deltalab-soup-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
before(() => setBackend(BACKEND))

test('what a soup scores is what its merged checkpoint scores; what is left out makes it no better', async () => {
  const folders = ['code', 'math'].map((name) => join(checkpoints, 'small', name))
  const options = { task: join(checkpoints, 'tasks/math.yaml'), items: 8, by: 'loss' as const }
  const found = await findSoup(folders, options)
  assert.equal(found.chosen[0], 1) // the model of the task itself
  assert.equal(found.singles[1], Math.max(...found.singles))
  assert.equal(found.tried.length, 1)
  assert.equal(found.tried[0]!.taken, found.tried[0]!.score > found.singles[1])
  // The first items check: the single model's value there is that of `deltalab eval`.
  const { loss } = await measureModel(folders[1]!, options.task, { items: 8 })
  assertClose(found.check.best + loss!, 0, { tolerance: 1e-6 })

  // As if both were taken: the file averages them, and the average is what was tried.
  const [file, out] = [join(scratch, 'soup.yaml'), join(scratch, 'soup')]
  writeFileSync(file, soupFile(folders, { ...found, chosen: [1, 0] }, 'by hand'))
  const how = { plugin: [], dryRun: false, shardSize: 5, overwrite: false, backend: BACKEND, json: true }
  await handler({ config: file, out, ...how } as unknown as Parameters<typeof handler>[0])
  const again = await findSoup([out], options)
  assertClose(again.singles[0]!, found.tried[0]!.score, { tolerance: 1e-3 })
  const [soup, one, two] = await Promise.all([openCheckpoint(out), ...folders.map((folder) => openCheckpoint(folder))])
  const name = [...one!.tensors.keys()][0]!
  const [a, b, c] = [await soup.read(name), await one!.read(name), await two!.read(name)]
  // The result is stored in the 16 bits of its inputs.
  a.forEach((value, i) =>
    assertClose(value, (b[i]! + c[i]!) / 2, { tolerance: 2 ** -8 * Math.abs(value) + 1e-8 }, `entry ${i}`),
  )
  await Promise.all([soup, one, two].map((checkpoint) => checkpoint!.close()))
})

test('too few items, and a model of another shape, are refused', async () => {
  const options = { task: join(checkpoints, 'tasks/math.yaml'), items: 1e6, by: 'score' as const }
  await assert.rejects(
    findSoup(
      ['math', 'code'].map((name) => join(checkpoints, 'small', name)),
      options,
    ),
    /twice --items 1000000 are needed/,
  )
  const folders = [join(checkpoints, 'small/math'), join(checkpoints, 'large/math')]
  await assert.rejects(
    findSoup(folders, { ...options, items: 4 }),
    /UserError: .*large.math: .* is not of the shape that it has in .*small.math/,
  )
})

test('the same model twice is refused before anything is read', async () => {
  const options = { task: 'no-such-task', items: 4, by: 'score' as const }
  await assert.rejects(
    findSoup(['a', 'b', './a'], options),
    /UserError: .\/a is given twice: a soup averages different/,
  )
})
