// Models in one vocabulary: any part of a table is that part of the whole, and the rows are those worked out by hand.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { shareVocabulary, warnOfRows } from '../../src/merge/embeddings.js'
import type { MergeModel } from '../../src/merge/open.js'
import { folder, temporary } from '../checkpoint/files.js'

const E = 'model.embed_tokens.weight'
const BIAS = 'lm_head.bias'
const root = temporary()

/** A row and an entry of the bias for each token. */
async function model(label: string, rows: [number, number][]): Promise<MergeModel> {
  const path = folder(join(root, label), {
    [E]: [[rows.length, 2], rows.flat()],
    [BIAS]: [[rows.length], rows.map(([x]) => -x)],
  })
  return { label, checkpoint: await openCheckpoint(path) }
}

test('own rows, rows of others, means, zeros, and rows without a token, in parts and as a whole', async () => {
  const [one, two, three] = [
    await model('one', [
      [1, 10],
      [2, 20],
      [3, 30],
    ]),
    await model('two', [
      [4, 40],
      [5, 50],
    ]),
    await model('three', [[6, 60]]),
  ]
  const ids = (text: string) => new Map([...text].map((token, id) => [token, id]))
  const views = shareVocabulary(
    [
      { model: one, ids: ids('abc') },
      { model: two, ids: ids('bd') },
      { model: three, ids: ids('d') },
    ],
    {
      // The rows are not in the order of the tokens; 2 and 6 have none.
      ids: new Map(Object.entries({ d: 0, a: 1, b: 3, c: 4, z: 5 })),
      rows: 7,
      base: null,
      rules: new Map([
        ['z', { origin: null, force: false }],
        ['c', { origin: { model: two, id: 1 }, force: true }],
      ]),
    },
    {},
  )
  const wanted = new Map([
    // d is the mean of 5 in two and 6 in three, a and b are their own, c must be row 1 of two; the mean of the five is 2.7.
    [one, [5.5, 1, 2.7, 2, 5, 0, 2.7]],
    // b is its own, a that of one.
    [two, [5, 1, 3, 4, 5, 0, 3]],
    // b is the mean of 2 in one and 4 in two.
    [three, [6, 1, 3, 3, 5, 0, 3]],
  ])
  for (const [from, column] of wanted) {
    const { checkpoint } = views.get(from)!
    const table = await checkpoint.read(E)
    assert.deepEqual(table, Float32Array.from(column.flatMap((x) => [x, 10 * x])), from.label)
    const bias = await checkpoint.read(BIAS)
    assert.deepEqual(
      bias,
      Float32Array.from(column, (x) => 0 - x),
      from.label,
    )
    for (const [name, whole] of [
      [E, table],
      [BIAS, bias],
    ] as const)
      for (let begin = 0; begin < whole.length; begin++)
        for (let end = begin + 1; end <= whole.length; end++)
          assert.deepEqual(await checkpoint.readEntries(name, { from: begin, to: end }), whole.slice(begin, end))
  }
  await Promise.all([one, two, three].map(({ checkpoint }) => checkpoint.close()))
})

test('tables of other numbers of rows in one result are named', () => {
  const table = (name: string, rows: number) => ({ name, shape: [rows, 2] })
  const others = [table('model.layers.0.mlp.up_proj.weight', 5), table('model.norm.weight', 2)]
  assert.deepEqual(warnOfRows([table(E, 4), ...others, table('lm_head.weight', 4)]), [])
  assert.deepEqual(warnOfRows([table(E, 4), ...others, table('lm_head.weight', 5)]), [
    `${E} has 4 rows, lm_head.weight has 5 rows: the tokens in are not as many as the tokens out, and transformers opens no such model; tokenizer_source gives all models one vocabulary`,
  ])
  assert.deepEqual(warnOfRows(others), [])
})
