// What the functions of the library are given: a slip is one clear sentence, before anything is read or written. What was wrong was
// passed over before: other items than asked for, another backend, the whole model in place of some tensors.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  apply,
  attribute,
  compress,
  compressBitDelta,
  edit,
  editDelta,
  evaluate,
  inspect,
  merge,
  openPair,
  plan,
  sweep,
} from '../../src/api/index.js'
import '../backend.js'

const [base, post] = ['base', 'math'].map((name) => `checkpoints/small/${name}`) as [string, string]
const pair = { base, post }
const dare = { editor: 'dare', drop_rate: 0.9 }
const out = join(tmpdir(), 'deltalab-given-never-written')

/** The function, what it is given, and what the error says. */
type Slip = readonly [call: (given: any) => Promise<unknown>, given: object | undefined, said: RegExp]

const SLIPS: Readonly<Record<string, readonly Slip[]>> = {
  evaluate: [
    [(given) => evaluate(post, given), undefined, /^evaluate: the options must be an object; got nothing$/],
    [(given) => evaluate(post, given), {}, /^evaluate: task is required$/],
    [
      (given) => evaluate(post, { task: 'math', ...given }),
      { items: 0 },
      /^evaluate: items must be at least 1; got 0$/,
    ],
    [(given) => evaluate(post, { task: 'math', ...given }), { items: -250 }, /items must be at least 1; got -250/],
    [(given) => evaluate(post, { task: 'math', ...given }), { items: 1.5 }, /items must be a whole number; got 1\.5/],
    [
      (given) => evaluate(post, { task: 'math', ...given }),
      { item: 2 },
      /^evaluate: unknown setting "item"; did you mean "items"\?/,
    ],
    [
      (given) => evaluate(post, { task: 'math', ...given }),
      { backend: 'gpu' },
      /backend must be one of auto, tensorflow, webgpu, wasm, cpu; got "gpu"/,
    ],
    [(given) => evaluate(post, { task: 'math', ...given }), { memory: 0 }, /memory must be above 0; got 0/],
  ],
  attribute: [
    [(given) => attribute(pair, dare, { task: 'math', ...given }), { items: 0 }, /items must be at least 1/],
    [(given) => attribute(pair, dare, { task: 'math', ...given }), { steps: 0 }, /steps must be at least 1/],
    [(given) => attribute(pair, dare, { task: 'math', ...given }), { steps: 1e9 }, /steps must be at most 10000/],
    [
      (given) => attribute(pair, dare, { task: 'math', ...given }),
      { rule: 'middle' },
      /rule must be one of left, right/,
    ],
    [(given) => attribute(pair, dare, { task: 'math', ...given }), { loss: 'x' }, /loss must be one of task, kl/],
    [(given) => attribute(pair, dare, { task: 'math', ...given }), { seed: -1 }, /seed must be at least 0; got -1/],
    [
      (given) => attribute(pair, { ...dare, ...given }, { task: 'math' }),
      { on: 'deltas' },
      /^edit: on: must be one of delta, weights; got "deltas"$/,
    ],
    [
      (given) => attribute(pair, { ...dare, ...given }, { task: 'math' }),
      { tensors: { includes: ['linear'] } },
      /^edit: tensors\.includes: unknown key "includes"; did you mean "include"/,
    ],
    [
      (given) => attribute(pair, { ...dare, ...given }, { task: 'math' }),
      { drop_rate: [0.5, 0.9] },
      /^edit: drop_rate: one edit is wanted, and a list of values means several/,
    ],
  ],
  edit: [
    [(given) => edit(pair, dare, { out, ...given }), { seed: 1.5 }, /^edit: seed must be a whole number; got 1\.5$/],
    [(given) => edit(pair, dare, { out, ...given }), { shardSize: 0 }, /shardSize must be above 0; got 0/],
    [(given) => edit(pair, dare, { out, ...given }), { jobs: 0 }, /jobs must be at least 1; got 0/],
    [(given) => edit(pair, dare, { out, ...given }), { onTensor: 'print' }, /onTensor must be a function/],
    [(given) => edit(pair, dare, given), {}, /^edit: out is required: text/],
    [(given) => edit(pair, given, { out }), undefined, /^edit: is required: a mapping/],
    [
      (given) => edit(pair, given, { out }),
      { ...dare, chain: [dare] },
      /either `editor` or `chain`; this one has both/,
    ],
    [(given) => edit(pair, given, { out }), { chain: [] }, /chain: must be a list of at least 1 entry/],
    [(given) => edit(given, dare, { out }), { base }, /^a pair is \{ base, post \}.*; got \{"base":/],
    [(given) => edit(given, dare, { out }), undefined, /^a pair is \{ base, post \}.*; got nothing$/],
  ],
  editDelta: [
    [(given) => editDelta(given, [2, 2], dare), new Float32Array(6), /^editDelta: values .* got 6 for \[2,2\]$/],
    [(given) => editDelta(given, [2], dare), [1, 2], /^editDelta: values must be a Float32Array$/],
    [(given) => editDelta(new Float32Array(4), given, dare), [-2, -2], /^editDelta: shape must be .* got \[-2,-2\]$/],
  ],
  others: [
    [(given) => inspect(pair, given), { rankLimit: -1 }, /^inspect: rankLimit must be/],
    [(given) => openPair(base, given), undefined, /^a pair is/],
    [(given) => openPair(base, post, given), { ignoreUnmached: true }, /did you mean "ignoreUnmatched"/],
    [(given) => compress(base, post, { out, ...given }), { codec: 'sign' }, /^compress: codec must be/],
    [
      (given) => compress(base, post, { out, ...given }),
      { codec: { codec: 'raw' }, inclde: [] },
      /did you mean "include"/,
    ],
    [(given) => compressBitDelta(base, post, { out, ...given }), { memory: -1 }, /memory must be above 0; got -1/],
    [(given) => apply(base, 'x.delta', given), {}, /^apply: out is required/],
    [
      (given) => merge({ merger: 'average', models: [{ model: base }, { model: post }] }, { out, ...given }),
      { seed: -1 },
      /^merge: seed must be at least 0/,
    ],
    [(given) => sweep('quickstart', { out, ...given }), { jobs: 0 }, /^sweep: jobs must be at least 1; got 0$/],
    [(given) => sweep('quickstart', given), null!, /^sweep: the options must be an object; got null$/],
    [(given) => sweep('quickstart', { out, ...given }), { job: 2 }, /did you mean "jobs"/],
    [(given) => plan('quickstart', given), { plugin: [] }, /did you mean "plugins"/],
    [(given) => plan(given), undefined, /^experiment: is required: a mapping|must be a mapping/],
  ],
}

for (const [name, slips] of Object.entries(SLIPS))
  test(`${name}: what cannot be is refused by name, before anything is done`, async () => {
    for (const [call, given, said] of slips)
      await assert.rejects(async () => call(given), { name: 'UserError', message: said }, JSON.stringify(given))
    assert.ok(!existsSync(out))
  })

test('Infinity says that there is no limit; two calls at once start one backend', async () => {
  const options = { task: 'math', memory: Infinity } as const
  const [all, limited] = await Promise.all([
    evaluate(post, { ...options, items: Infinity }),
    evaluate(post, { ...options, items: 2 }),
  ])
  assert.equal(limited.items, 2)
  assert.ok(all.items > 2)
})
