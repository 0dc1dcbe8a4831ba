// Features of prompts: the mean of the reference's last hidden states over the real positions, and nothing of the answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { promptFeatures } from '../../src/evaluate/index.js'
import type { ClassifyItem, Task } from '../../src/tasks/index.js'
import { tf } from '../../src/tensor/index.js'
import type { Tokenizer } from '../../src/tokenizer/index.js'
import { assertClose } from '../close.js'
import { openFixture } from '../models/fixture.js'

for (const [name, kind] of [
  ['llama3', 'generate'],
  ['gpt2', 'generate'],
  ['bert', 'classify'],
] as const) {
  test(`${name}: the mean hidden state of every prompt`, async () => {
    const { model, post, base, expected, reference } = await openFixture(name)
    const {
      input_ids: padded,
      attention_mask: mask,
      token_type_ids: types,
    } = expected.cases.main!.inputs as unknown as Record<string, number[][]>
    const cut = (rows: number[][] | undefined, row: number) => rows?.[row]?.filter((_, k) => mask![row]![k]!) ?? []
    // A "text" is the number of a row; any other is an answer, which must not be read.
    const tokenizer: Tokenizer = {
      encode: async (texts) =>
        texts.map((text) => (/^\d+$/.test(text) ? cut(padded, Number(text)) : assert.fail(`${text} was encoded`))),
      encodePairs: async (pairs) =>
        pairs.map(({ text }) => ({
          ids: cut(padded, Number(text)),
          types: types ? cut(types, Number(text)) : cut(padded, Number(text)).map(() => 0),
        })),
      decode: () => '',
      vocabulary: model.vocabulary,
      eos: 2,
      pad: 1,
    }
    const rows = [...padded!.keys()].toReversed()
    const items = rows.map(
      (row): ClassifyItem => ({ id: String(row), prompt: String(row), target: 'answer', fields: {}, label: 0 }),
    )
    const task: Task = {
      name: 't',
      version: 1,
      description: '',
      kind,
      metric: 'acc',
      maxNewTokens: 4,
      items,
    }
    const held = tf.memory().numTensors
    const features = await promptFeatures(model, post, task, tokenizer)
    assert.equal(tf.memory().numTensors, held, 'no tensor is left')
    const states = reference('cases.main.post.last_hidden_state')
    const { width } = model
    const scale = states.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    rows.forEach((row, i) => {
      const real = mask![row]!.flatMap((one, k) => (one ? [row * mask![row]!.length + k] : []))
      for (let column = 0; column < width; column++) {
        const mean = real.reduce((sum, at) => sum + states[at * width + column]!, 0) / real.length
        assertClose(features[i * width + column]!, mean, { tolerance: 5e-5 * scale }, `row ${row}, column ${column}`)
      }
    })
    tf.dispose([base, post])
  })
}
