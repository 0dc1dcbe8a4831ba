// Heads for masked tokens with a bias of their own, and whose logits are those of transformers (test/fixtures/tied/make.py).
import assert from 'node:assert/strict'
import { expected, far, logitsOf, ROOT, type Version } from './logits.js'
import { compatible } from './row.js'

async function check(form: string, version: Version): Promise<void> {
  for (const name of ['bert', 'roberta']) {
    const found = await logitsOf(`${ROOT}/${name}-${form}`)
    const error = far(expected[`${name}-${form}`]![version]!, found)
    assert.ok(error < 2e-6, `${name}: ${error}`)
  }
}

compatible(
  {
    what: 'untied head of BERT and RoBERTa with a bias of its own',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'cls.predictions.decoder.bias and lm_head.decoder.bias; version 4 of transformers ties both biases',
  },
  () => check('untied', '5.18.0'),
)
compatible(
  {
    what: 'tied head of BERT and RoBERTa with another bias',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'what is written says tie_word_embeddings: false',
  },
  () => check('bias', '5.18.0'),
)
compatible(
  {
    what: 'untied head of BERT and RoBERTa without a bias of its own',
    outcome: 'read',
    like: 'transformers 4.57.6',
    note: 'the bias of the head under its old name; 5.18 starts the missing one at 0; what is written holds both',
  },
  () => check('nobias', '4.57.6'),
)
