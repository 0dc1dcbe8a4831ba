// Encoders on classification tasks: the class of the highest logit of the reference, and the value of a regressor.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluateTask } from '../../src/evaluate/index.js'
import type { ClassifyItem, ClassifyTask } from '../../src/tasks/index.js'
import { tf } from '../../src/tensor/index.js'
import type { Tokenizer } from '../../src/tokenizer/index.js'
import { assertClose } from '../close.js'
import { openFixture } from '../models/fixture.js'

/** A "text" is the number of a row of the fixture. */
function rowTokenizer(ids: readonly number[][], types: readonly number[][] | undefined): Tokenizer {
  return {
    encode: async () => [],
    encodePairs: async (pairs) =>
      pairs.map(({ text }) => ({
        ids: ids[Number(text)]!,
        types: types?.[Number(text)] ?? ids[Number(text)]!.map(() => 0),
      })),
    decode: () => '',
    vocabulary: 160,
    eos: 2,
    pad: 1,
  }
}

for (const [name, metric] of [
  ['bert', 'acc'],
  ['roberta-regression', 'pearson'],
] as const) {
  test(`${name}: ${metric} of the reference's own outputs is 1`, async () => {
    const { model, post, base, expected, reference } = await openFixture(name)
    const {
      input_ids: padded,
      attention_mask: mask,
      token_type_ids: types,
    } = expected.cases.main!.inputs as unknown as Record<string, number[][]>
    const cut = (rows: number[][] | undefined) => rows?.map((row, i) => row.filter((_, k) => mask![i]![k]!))
    const logits = reference('cases.main.post.logits')
    const outputs = logits.length / padded!.length
    const best = (row: number) => {
      const own = [...logits.subarray(row * outputs, (row + 1) * outputs)]
      return metric === 'acc' ? own.indexOf(Math.max(...own)) : own[0]!
    }
    const items = padded!.map(
      (_, i): ClassifyItem => ({ id: String(i), prompt: String(i), target: '', fields: {}, label: best(i) }),
    )
    const task: ClassifyTask = {
      name: 't',
      version: 1,
      description: '',
      kind: 'classify',
      metric,
      maxNewTokens: 0,
      items,
    }
    const tokenizer = rowTokenizer(cut(padded)!, cut(types))
    const before = tf.memory().numTensors
    assertClose((await evaluateTask({ model, weights: post, reader: tokenizer }, task)).score, 1, { tolerance: 1e-4 })
    assert.equal(tf.memory().numTensors, before, 'no tensor is left')
    if (metric === 'acc') {
      const wrong = { ...task, items: items.map((item) => ({ ...item, label: (item.label + 1) % outputs })) }
      assert.equal((await evaluateTask({ model, weights: post, reader: tokenizer }, wrong)).score, 0)
      const outside = { ...task, items: [{ ...items[0]!, label: outputs }] }
      await assert.rejects(
        evaluateTask({ model, weights: post, reader: tokenizer }, outside),
        /item 0: the label \d+ is not one of the model's \d+ classes/,
      )
    }
    tf.dispose([base, post])
  })
}
