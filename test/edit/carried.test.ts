// What an extraction says: shares of what is left by reason, what is stored whole and why, and the line of the result.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeExtract } from '../../src/edit/index.js'

test('reasons are one sentence each, with the shares added', () => {
  const { notes, warnings, text } = describeExtract({
    tensors: 3,
    parameters: 90,
    stored: 60,
    energy: 0.9,
    matrices: 0.95,
    names: null,
    whole: [
      { name: 'norm.weight', why: null },
      { name: 'wte.weight', why: 'of this' },
      { name: 'lm_head.weight', why: 'of this' },
    ],
    left: [
      { name: 'a.bias', share: 0.01, why: 'one' },
      { name: 'b.weight', share: 0.05, why: 'two' },
      { name: 'c.bias', share: 0.02, why: 'one' },
    ],
  })
  assert.deepEqual(notes, ['stored whole, because of this: wte.weight, lm_head.weight'])
  assert.deepEqual(warnings, [
    '2 changed tensors with 3.00 % of the squared norm are not in the adapter (one): a.bias, c.bias',
    '1 changed tensor with 5.00 % of the squared norm is not in the adapter (two): b.weight',
  ])
  assert.equal(
    text,
    "3 matrices of 90 parameters as factors, 3 tensors whole: 60 numbers that hold 90.00 % of the squared norm of everything that changed (95.00 % of these matrices')",
  )
})
