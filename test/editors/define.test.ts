// Definitions of editors and mergers: what is filled in, and what is refused in one line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { applySteps, defineEditor, isEditor, parseOptions } from '../../src/editors/index.js'
import { defineMerger, isMerger } from '../../src/mergers/index.js'
import type { Tensor } from '../../src/tensor/index.js'

const options = z.strictObject({ rate: z.number().min(0).max(1).describe('What the method does, as a share.') })
const edit = (delta: Tensor): Tensor => delta.mul(0.5)
const merge = ({ models }: { models: Tensor[] }): Tensor => models[0]!.clone()

test('an editor of a name, options and an edit has everything else by default', () => {
  const half = defineEditor({ name: 'half', options, edit })
  assert.equal(half.reads, 'entries')
  const { title, cite, axis, neutral } = half
  assert.deepEqual({ title, cite, axis, neutral }, { title: 'half', cite: '', axis: 'rate', neutral: null })
  const rate = { rate: 0.5 }
  assert.deepEqual([half.stochastic(rate), half.unbiased(rate), half.entryBits(rate)], [false, false, null])
  assert.deepEqual(half.reads === 'entries' && half.warnings(rate, { shape: [2, 3] }), [])
  assert.equal(half.reads === 'entries' && half.bits(rate, { shape: [2, 3], kept: 1 }), 16 * 6)
  assert.deepEqual(parseOptions(half, rate), rate)
  assert.deepEqual(defineEditor(half as never), half)
  assert.ok(isEditor(half) && !isMerger(half) && !isEditor({ merge }) && !isEditor(null))
  assert.equal(defineEditor({ name: 'none', options: z.strictObject({}), edit }).axis, null)
})

test('options and what a scan returns are typed', () => {
  defineEditor({
    name: 'typed',
    options: z.strictObject({
      word: z.enum(['a', 'b']).describe('One of two words.'),
      bits: z.int().describe('Bits.'),
    }),
    axis: 'bits',
    neutral: { bits: 16 },
    reads: 'tensor',
    scanTensor: (values, { word }) => ({ first: values[0] ?? 0, word: word satisfies 'a' | 'b' }),
    edit: (delta, { options, scanned }) => delta.mul(scanned.first * options.bits),
    warnings: (_, { scanned }) => [scanned.word],
  })
  defineMerger({
    name: 'typed',
    options,
    modelOptions: z.strictObject({ weight: z.number().default(1).describe('Weight of the model.') }),
    reads: 'whole',
    scanTensor: async ({ models }) => models.length,
    merge: ({ models }, { scanned, modelOptions, options: { rate } }) =>
      models[0]!.mul(scanned * (modelOptions[0]?.weight ?? 1) * rate),
  })
  // @ts-expect-error an axis that is no option
  assert.throws(() => defineEditor({ name: 'typed', options, axis: 'ratio', edit }), /did you mean "rate"/)
})

test('an editor that is none is refused in one line', () => {
  const refused = (definition: unknown, message: string | RegExp) =>
    assert.throws(() => defineEditor(definition as never), {
      name: 'UserError',
      message,
    })
  refused(undefined, 'editor must be an object with a name, options and edit; got nothing')
  refused([], 'editor must be an object with a name, options and edit; got []')
  refused({ options, edit }, 'name of editor must be lower_snake text, like "my_editor"; got nothing')
  refused({ name: 'myEditor', options, edit }, /lower_snake text, like "my_editor"; got "myEditor"/)
  refused({ name: 'half', options }, 'editor half: edit must be a function; got nothing')
  refused({ name: 'half', edit }, 'options of editor half must be a strict zod object: z.strictObject({ … })')
  refused({ name: 'half', options: z.object({}), edit }, /must be a strict zod object/)
  refused({ name: 'half', options: { rate: 1 }, edit }, /must be a strict zod object/)
  const list = z.strictObject({ rates: z.array(z.number()), when: z.date() })
  refused(
    { name: 'half', options: list, edit },
    /options of editor half: (rates|when) must be a number, true or false, or text/,
  )
  refused({ name: 'half', options, edit, axis: 'ratio' }, /unknown option of editor half "ratio"; did you mean "rate"/)
  refused({ name: 'half', options, edit, neutral: { k: 1 } }, /unknown option of editor half "k"/)
  refused({ name: 'half', options, edit, scanTenser: edit }, /unknown member of editor half "scanTenser"/)
  refused({ name: 'half', options, edit, scanTensor: edit }, /unknown member of editor half "scanTensor"/)
  refused({ name: 'half', options, edit, reads: 'tensor' }, 'editor half: scanTensor must be a function; got nothing')
  refused(
    { name: 'half', options, edit, reads: 'tensors' },
    /unknown reads of editor half "tensors"; did you mean "tensor"/,
  )
  refused({ name: 'half', options, edit, title: 3 }, 'editor half: title must be text; got 3')
})

test('a merger has defaults, and one that is none is refused in one line', () => {
  const first = defineMerger({ name: 'first', options: z.strictObject({}), merge })
  const { reads, conventions, input, count, ordered, cite } = first
  assert.deepEqual(
    { reads, conventions, input, count, ordered, cite },
    { reads: 'entries', conventions: ['paper'], input: 'delta', count: [1, Infinity], ordered: false, cite: '' },
  )
  assert.ok(isMerger(first) && !isEditor(first))
  const refused = (more: object, message: RegExp) =>
    assert.throws(() => defineMerger({ name: 'first', options, merge, ...more } as never), message)
  refused({ name: 'First' }, /^UserError: name of merger must be lower_snake text, like "my_merger"; got "First"$/)
  refused({ merge: null }, /^UserError: merger first: merge must be a function; got null$/)
  refused({ modelOptions: z.object({}) }, /^UserError: modelOptions of merger first must be a strict zod object/)
  refused({ input: 'deltas' }, /^UserError: unknown input of merger first "deltas"; did you mean "delta"/)
  refused({ conventions: ['papers'] }, /^UserError: unknown convention of merger first "papers"; did you mean "paper"/)
  refused({ count: [3, 2] }, /^UserError: merger first: count must be the fewest and the most models, .*got \[3,2\]$/)
  refused({ scanTensor: merge }, /^UserError: unknown member of merger first "scanTensor"/)
})

test('an editor that returns another shape, or no tensor, is refused by name', async () => {
  const values = Float32Array.from([1, 2, 3, 4])
  const results = [(delta: Tensor) => delta.reshape([-1]).slice(0, 1), () => 5 as unknown as Tensor]
  for (const [i, got] of ['one of shape [1]', '5'].entries()) {
    const editor = defineEditor({ name: 'wrong', options: z.strictObject({}), edit: results[i]! })
    await assert.rejects(applySteps([{ editor, options: {} }], values, [2, 2], { seed: 0, tensor: 'w' }), {
      name: 'UserError',
      message: `w: editor wrong must return a tensor of shape [2, 2]; got ${got}`,
    })
  }
})
