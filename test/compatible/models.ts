// Small models for rows of compatibility: made in a folder of the test, and looked at again.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Checkpoint, openCheckpoint } from '../../src/checkpoint/index.js'
import { BACKEND } from '../backend.js'
import type { folder } from '../checkpoint/files.js'

export const TRANSFORMERS = 'transformers 5.18.0'
export type Tensors = Parameters<typeof folder>[1]
/** How a merge is written. */
export const HOW = {
  backend: BACKEND,
  overwrite: false,
  shardSize: 5,
  resume: { discard: false, note: () => undefined },
}

export function temporary(context: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
  context.after(() => rmSync(root, { recursive: true, force: true }))
  return root
}

/** Tensors of one model, the i-th of i + 2 entries that begin at 10·i + `from`. */
export const tensorsOf = (names: readonly string[], from: number): Tensors =>
  Object.fromEntries(
    names.map((name, i) => [name, [[i + 2], Array.from({ length: i + 2 }, (_, j) => 10 * i + j + from)]]),
  )

/** Closes the models after the work. */
export const closed = async <R>(models: readonly Checkpoint[], work: () => Promise<R>): Promise<R> => {
  try {
    return await work()
  } finally {
    await Promise.all(models.map((each) => each.close()))
  }
}

/** The folder holds these tensors and no others. */
export async function holds(path: string, tensors: Tensors): Promise<void> {
  const model = await openCheckpoint(path)
  await closed([model], async () => {
    assert.deepEqual([...model.tensors.keys()].sort(), Object.keys(tensors).sort())
    for (const [name, [, values]] of Object.entries(tensors)) assert.deepEqual([...(await model.read(name))], values)
  })
}
