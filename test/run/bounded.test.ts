// eval and attribute within a bound on memory give what they give without.

import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pairCheckpoints } from '../../src/checkpoint/index.js'
import { extractAdapter } from '../../src/edit/index.js'
import { editorNamed, parseOptions } from '../../src/editors/index.js'
import type { Row } from '../../src/record/index.js'
import { attributeEdit, measureModel, namedEdit } from '../../src/run/index.js'
import { openModels } from '../../src/sources/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { makePair } from './pair.js'

let folder: string
before(async () => {
  await setBackend(BACKEND)
  folder = makePair()
})
after(() => rmSync(folder, { recursive: true }))

const at = (name: string) => join(folder, name)
const close = (a: unknown, b: unknown, tolerance: number) =>
  Math.abs((a as number) - (b as number)) <= tolerance * Math.max(1, Math.abs(b as number))

test('the loss and score of a model', async () => {
  const free = await measureModel(at('post'), at('items.jsonl'))
  const before = tf.memory().numTensors
  const bound = await measureModel(at('post'), at('items.jsonl'), { memory: 2e6 })
  assert.equal(tf.memory().numTensors, before)
  assert.ok(close(bound.loss, free.loss, 1e-6), `${bound.loss} against ${free.loss}`)
  assert.deepEqual({ ...bound, loss: 0 }, { ...free, loss: 0 })
  await assert.rejects(
    measureModel(at('post'), at('items.jsonl'), { memory: 1e4 }),
    /bound of 0\.01 MB is too small for the block .* the least that would do is \d\.?\d? MB/,
  )
})

test('the row and terms of an edit, of a checkpoint and of an adapter', async () => {
  const editor = editorNamed('dare')
  const edit = namedEdit([{ editor, options: parseOptions(editor, { drop_rate: 0.5 }) }], {
    on: 'delta',
    tensors: { include: [], exclude: [] },
  })
  const options = { task: at('items.jsonl'), items: 6, rule: 'trapezoid', steps: 2, seed: 1, clock: () => 0 } as const
  // An adapter computes its weights when they are read, row by row too.
  const [base, post] = await openModels(at('base'), at('post'))
  await extractAdapter(await pairCheckpoints(base, post), at('adapter'), {
    rank: 4,
    baseModel: 'base',
    vectors: true,
    include: [],
    exclude: [],
  })
  await Promise.all([base.close(), post.close()])
  for (const trained of ['post', 'adapter']) await compare(trained, edit, options)
  const diverging = await compare('adapter', edit, { ...options, loss: 'kl', rule: undefined })
  assert.deepEqual([diverging.loss_kind, diverging.loss_post, diverging.riemann_rule], ['kl', 0, 'gauss'])
  assert.ok(close(diverging.riemann_sum, diverging.loss_edited, 1e-3))
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('deltalab-')),
    [],
    'nothing is left of the change',
  )
})

async function compare(
  trained: string,
  edit: ReturnType<typeof namedEdit>,
  options: Parameters<typeof attributeEdit>[3],
): Promise<Row> {
  const free = await attributeEdit(at('base'), at(trained), edit, options)
  const bound = await attributeEdit(at('base'), at(trained), edit, {
    ...options,
    memory: { bytes: 3e6, scratch: folder },
  })
  for (const [column, value] of Object.entries(free.row)) {
    if (column === 'seconds') continue
    const found = bound.row[column as keyof typeof bound.row]
    if (typeof value === 'number') assert.ok(close(found, value, 2e-6), `${column}: ${found} against ${value}`)
    else assert.deepEqual(found, value, column)
  }
  const right = new Map(free.terms.map((term) => [term.tensor, term]))
  assert.deepEqual(bound.terms.map(({ tensor }) => tensor).sort(), [...right.keys()].sort())
  for (const { tensor, term, ...facts } of bound.terms) {
    const { term: other, tensor: _, ...rest } = right.get(tensor)!
    assert.ok(close(term, other, 2e-6), `${tensor}: ${term} against ${other}`)
    assert.deepEqual({ ...facts, edit_norm: 0 }, { ...rest, edit_norm: 0 })
  }
  return bound.row
}
