// The laws of editors: every built-in editor keeps them, and editors that break one are caught by it.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { z } from 'zod'
import { defineEditor, type EditContext, editorNamed, editors } from '../../src/editors/index.js'
import { checkEditor, editorLaws, editorSubject } from '../../src/laws/index.js'
import { keyedUniform, setBackend, type Tensor, tf } from '../../src/tensor/index.js'

before(() => setBackend('wasm'))

/** Options to try per editor; the first and the last stand at the ends of the axis. A new editor needs its line here. */
const tried: Record<string, Record<string, unknown>[]> = {
  dare: [
    { drop_rate: 0 },
    { drop_rate: 0.3, k: -1 },
    { drop_rate: 0.4, convention: 'mergekit' },
    { drop_rate: 0.5, rescale: false, k: 0.5 },
    { drop_rate: 1, rescale: false },
    { drop_rate: 0.99 },
  ],
  magnitude: [
    { drop_rate: 0 },
    { drop_rate: 0.5, rescale: true },
    { drop_rate: 0.4, granularity: 'row' },
    { drop_rate: 0.4, granularity: 'model' },
    { drop_rate: 0.3, convention: 'mergelm' },
    { drop_rate: 0.3, convention: 'mergekit', rescale: true },
    { drop_rate: 0.3, convention: 'ties', granularity: 'row' },
    { drop_rate: 0.3, convention: 'mergelm', granularity: 'row', rescale: true },
    { drop_rate: 0.3, convention: 'mergekit', granularity: 'row', rescale: true },
    { drop_rate: 0.9 },
    { drop_rate: 1 },
  ],
  bitdelta: [
    { multiplier: 0 },
    { blocks: 4 },
    { magnitudes: 'normal' },
    { magnitudes: 'uniform', blocks: 2 },
    { passes: 3 },
    { multiplier: 3 },
  ],
  lowrank: [{ rank: 1 }, { fraction: 0 }, { fraction: 0.5 }, { energy: 0.5 }, { energy: 1 }, { rank: 100 }],
  expo: [{ alpha: -1 }, { alpha: 0.3 }, { alpha: 1 }],
  biased: [{ k: -1 }, { k: 0.5 }, { by: 'product', k: 0.9, drop_rate: 0.3 }, { k: 1.5 }],
  darex: [
    { drop_rate: 0, q: 1 },
    { drop_rate: 0.5, q: 0.5 },
    { drop_rate: 0.9, q: 0.2 },
    { drop_rate: 1, q: 0.1 },
  ],
  magprune: [
    { drop_rate: 0, epsilon: 0 },
    { drop_rate: 0.5, epsilon: 0.4 },
    { drop_rate: 0.4, epsilon: 0.3, granularity: 'tensor' },
    { drop_rate: 0.4, by: 'magnitude' },
    { drop_rate: 0.5, convention: 'mergekit' },
    { drop_rate: 0.6, convention: 'della', rescale: false },
    { drop_rate: 0.99, epsilon: 0 },
  ],
  breadcrumbs: [
    { drop_rate: 0, gamma: 0.2 },
    { drop_rate: 0.5, gamma: 0.1, rescale: true },
    { drop_rate: 0.5, gamma: 0.1, convention: 'mergekit' },
    { drop_rate: 0.9, gamma: 0.05 },
    { drop_rate: 1 },
  ],
  quantise: [{ bits: 1 }, { bits: 4, group: 5 }, { bits: 3, group: 0 }, { bits: 16 }],
  delta_come: [{ group: 0 }, { bands: '8x1+3x2+2x3', group: 2 }, { quantiser: 'gptq', bands: '4x6' }, { group: 1024 }],
  impart: [
    { drop_rate: 0.6, beta: 0 },
    { drop_rate: 0.6, beta: 0.3, exponent: 0.5 },
    { drop_rate: 0.7, beta: 0.7 },
    { drop_rate: 0.5, beta: 0.2, exponent: 0.5 },
  ],
  ultradelta: [
    { drop_rate: 0, step: 0 },
    { drop_rate: 0.5 },
    { drop_rate: 0.3, bits: 2, factor: 0.5, step: 0 },
    { drop_rate: 0.95 },
  ],
}

/** Of dare, darex and magprune, whose window of probabilities ends at p + epsilon/2. */
function deviation({ drop_rate, epsilon = 0, k = 0 }: Record<string, unknown>): number {
  const p = Number(drop_rate) + Number(epsilon) / 2
  return Math.sqrt(((Number(k) - 1) ** 2 * p) / (1 - p))
}

test('every editor has options to try, and names are unique', () => {
  assert.deepEqual(
    editors.map(({ name }) => name),
    Object.keys(tried),
  )
})

for (const editor of editors) {
  describe(editor.name, () => {
    const subject = editorSubject(editor, { options: tried[editor.name]!, deviation })
    for (const law of editorLaws) test(law.name, () => law.check(subject))
  })
}

const options = z.strictObject({
  rate: z.number().min(0).max(1).default(0.5).describe('What the method does, as a share.'),
})
const half = (delta: Tensor): Tensor => delta.mul(0.5)

test('an editor of a few lines keeps all laws, with options made up from its schema', async () => {
  await checkEditor(defineEditor({ name: 'half', options, edit: half }))
  await checkEditor(
    defineEditor({
      name: 'centre',
      options,
      reads: 'tensor',
      scanTensor: (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
      edit: (delta, { options: { rate }, scanned }) => delta.clipByValue(-rate * scanned, rate * scanned),
    }),
  )
})

let calls = 0
/** What a broken editor does otherwise than `half`. */
interface Change {
  edit?: (delta: Tensor, context: EditContext) => Tensor
  neutral?: { rate: number }
  stochastic?: () => boolean
  unbiased?: () => boolean
  bits?: () => number
}

/** Editors that break a law, with the law. */
const broken: [law: RegExp, change: Change][] = [
  [/same key, same bits.*seed 1 twice/, { edit: (delta) => delta.mul(calls++) }],
  [/same key, same bits.*seed 1 twice/, { edit: (delta) => delta.mul(calls++ % 4 === 3 ? 2 : 1) }],
  [/stochastic says false/, { edit: (delta, { key }) => delta.mul(keyedUniform(delta.shape, key)) }],
  [/stochastic says true, but .* the same bits/, { stochastic: () => true }],
  [
    /exactly one new.*: with options {} there are 2 new tensors/,
    { edit: (delta) => (tf.keep(delta.mul(2)), half(delta)) },
  ],
  [/exactly one new.*returns a tensor that it was given/, { edit: (delta) => delta }],
  [
    /fails at the law "zero stays zero.*must return a tensor of shape \[8, 12\]; got one of shape \[96\]/,
    { edit: (delta) => half(delta).flatten() },
  ],
  [
    /fails at the law "zero stays zero.*: out of luck/,
    {
      edit: () => {
        throw new Error('out of luck')
      },
    },
  ],
  [/exactly one new.*dtype is int32/, { edit: (delta) => delta.toInt() }],
  [/zero stays zero.*entry 0 is 1, not 0/, { edit: (delta) => delta.add(1) }],
  [/results are finite.*entry \d+ is -?Infinity/, { edit: (delta) => delta.mul(1e38).mul(1e38) }],
  [/neutral options.*with options {"rate":0}.*entry 1 is/, { neutral: { rate: 0 } }],
  [
    /block by block equals the whole": .*in blocks/,
    { edit: (delta) => delta.sub(delta.mean().mul(delta.abs().sign())) },
  ],
  [
    /the mean over 400 keys.*the mean of entry/,
    {
      stochastic: () => true,
      unbiased: () => true,
      edit: (delta, { key, offset }) => delta.mul(keyedUniform(delta.shape, key, offset).mul(1.8)),
    },
  ],
  [/storage is 0 to 16 bits.*takes -1 bits/, { bits: () => -1 }],
]
for (const [message, change] of broken) {
  test(`caught: ${message.source}`, async () => {
    const editor = defineEditor({ name: 'broken', options, edit: half, ...change })
    await assert.rejects(checkEditor(editor), (error: Error) => {
      assert.match(`${error}`, message)
      assert.match(error.message, /^editor broken (?:breaks|fails at) the law "[^\n]*$/)
      return true
    })
  })
}

test('caught: an option without a sentence; a schema of which no options can be made up', async () => {
  const bare = defineEditor({ name: 'bare', options: z.strictObject({ a: z.number().default(1) }), edit: half })
  await assert.rejects(checkEditor(bare), /the \.describe\(\) of a must be a sentence/)
  const text = z.strictObject({ word: z.string().regex(/^x+$/).describe('A word of one letter, over and over.') })
  const wordy = defineEditor({ name: 'wordy', options: text, edit: half })
  await assert.rejects(checkEditor(wordy), /no options of wordy to try: give them/)
  await checkEditor(wordy, { options: [{ word: 'xx' }] })
})

test('the backend is afterwards what it was', async () => {
  await tf.setBackend('cpu')
  await checkEditor(defineEditor({ name: 'half', options, edit: half })).finally(() => {
    assert.equal(tf.getBackend(), 'cpu')
    return setBackend('wasm')
  })
})

test('unknown editors name the nearest', () => {
  assert.throws(() => editorNamed('dear'), /unknown editor "dear"; did you mean "dare"/)
})
