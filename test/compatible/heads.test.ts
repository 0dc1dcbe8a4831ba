// Heads for masked tokens with a bias of their own, and whose logits are those of transformers (test/fixtures/tied/make.py).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { disposeInputs, forward, loadModel, makeInputs } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { textBatch } from '../models/fixture.js'
import { compatible } from './row.js'

const ROOT = 'test/fixtures/tied'
const expected = JSON.parse(readFileSync(join(ROOT, 'expected.json'), 'utf8')) as { ids: number[] } & Record<string, Record<string, number[]>>

async function check(form: string, version: string): Promise<void> {
  await setBackend('wasm')
  for (const name of ['bert', 'roberta']) {
    const checkpoint = await openCheckpoint(`${ROOT}/${name}-${form}`)
    const model = loadModel(checkpoint.config!, Object.fromEntries([...checkpoint.tensors].map(([tensor, { shape }]) => [tensor, shape])))
    const weights: Record<string, ReturnType<typeof tf.tensor>> = {}
    for (const [tensor, shape] of Object.entries(model.shapes)) weights[tensor] = tf.tensor(await checkpoint.read(tensor), shape)
    const { ids } = expected
    const inputs = makeInputs(model, textBatch({ input_ids: [ids], attention_mask: [ids.map(() => 1)], labels: [ids] }))
    const all = tf.tidy(() => forward(model, weights, inputs).dataSync())
    disposeInputs(inputs)
    tf.dispose(weights)
    await checkpoint.close()
    const right = expected[`${name}-${form}`][version]
    const error = Math.max(...right.map((value, i) => Math.abs(value - all[all.length - right.length + i])))
    assert.ok(error < 2e-6, `${name}: ${error}`)
  }
}

compatible({ what: 'untied head of BERT and RoBERTa with a bias of its own', outcome: 'read', like: 'transformers 5.18.0', note: 'cls.predictions.decoder.bias and lm_head.decoder.bias; version 4 of transformers ties both biases' }, () => check('untied', '5.18.0'))
compatible({ what: 'tied head of BERT and RoBERTa with another bias', outcome: 'read', like: 'transformers 5.18.0', note: 'what is written says tie_word_embeddings: false' }, () => check('bias', '5.18.0'))
compatible({ what: 'untied head of BERT and RoBERTa without a bias of its own', outcome: 'read', like: 'transformers 4.57.6', note: 'the bias of the head under its old name; 5.18 starts the missing one at 0; what is written holds both' }, () => check('nobias', '4.57.6'))
