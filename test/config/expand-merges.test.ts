// Merge entries of an experiment: what lists stand for, which posts are meant, and where an error is said to be.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadExperiment, optionsOf, postName } from '../../src/config/index.js'
import { UserError } from '../../src/errors/index.js'
import { temporary } from '../checkpoint/files.js'

const folder = temporary()
const file = join(folder, 'x.yaml')
const HEAD = `name: x
models:
  - { name: small, base: small/base, post: small/math, tasks: [math] }
  - { name: small, base: small/base, post: small/code, tasks: [code] }
  - { name: large, base: large/base, post: large/math, tasks: [math] }
  - { name: large, base: large/base, post: large/code, tasks: [code] }
  - { name: large, base: large/base, post: large/instruct, tasks: [instruct] }
`
const load = (text: string, head = HEAD) => {
  writeFileSync(file, head + text)
  return loadExperiment(file)
}

test('posts are merged for every base that has them; lists stand for every combination', async () => {
  const { merges, edits } = await load(`merges:
  - { merger: task_arithmetic, posts: [[math, code], [math, code, instruct]], lambda: [0.5, 1], edit: { editor: dare, drop_rate: [0.5, 0.9] } }
`)
  assert.deepEqual(edits, [])
  const facts = merges.map(({ label, steps, stochastic, merge }) => [
    label,
    merge.posts.map((pair) => `${pair.name}/${postName(pair)}`).join(' '),
    steps[0]!.options.drop_rate,
    merge.options.lambda,
    stochastic,
  ])
  const each = (posts: string) =>
    [0.5, 0.9].flatMap((rate) => [0.5, 1].map((lambda) => ['dare+task_arithmetic', posts, rate, lambda, true]))
  assert.deepEqual(facts, [
    ...each('small/math small/code'),
    ...each('large/math large/code'),
    ...each('large/math large/code large/instruct'),
  ])
})

test('options are those of the merger; of a post, the same for all or one for each', async () => {
  const { merges } = await load(`merges:
  - { merger: ties, posts: [code, instruct], drop_rate: 0.5, weight: { instruct: 2 }, convention: mergelm, label: mine, tasks: [math] }
`)
  const { label, editor, steps, stochastic, merge } = merges[0]!
  assert.deepEqual(
    [label, editor, steps, stochastic, merge.convention, merge.tasks],
    ['mine', null, [], false, 'mergelm', ['math']],
  )
  assert.deepEqual(
    merge.modelOptions.map(({ drop_rate, weight }) => [drop_rate, weight]),
    [
      [0.5, 1],
      [0.5, 2],
    ],
  )
  const { drop_rate, weight, lambda, convention } = optionsOf(merges[0]!)
  assert.deepEqual([drop_rate, weight, lambda, convention], [0.5, { code: 1, instruct: 2 }, 1, 'mergelm'])
  const [plain] = (await load('merges: [{ merger: ties, posts: [code, instruct] }]\n')).merges
  assert.equal(plain!.merge.convention, 'paper')
})

test('a merge is measured on all tasks of its base, on those listed, or on those of its posts', async () => {
  const { merges } = await load(`merges:
  - { merger: average, posts: [[instruct, math], [code]], tasks: own }
  - { merger: average, posts: [code] }
`)
  const facts = merges.map(({ merge }) => [merge.posts[0]!.name, merge.tasks])
  assert.deepEqual(facts, [
    ['large', ['math', 'instruct']],
    ['small', ['code']],
    ['large', ['code']],
    ['small', null],
    ['large', null],
  ])
})

test('what is wrong is said with its place', async () => {
  const cases: [entry: string, message: RegExp][] = [
    ['merger: tise, posts: [math, code]', /merges\[0\]\.merger: unknown merger "tise"; did you mean "ties"/],
    ['merger: ties, posts: [maths, code]', /merges\[0\]\.posts\[0\]: unknown post "maths"; did you mean "math"/],
    [
      'merger: ties, posts: [[math, code], [math, cod]]',
      /merges\[0\]\.posts\[1\]\[1\]: unknown post "cod"; did you mean "code"/,
    ],
    ['merger: ties, posts: [math, math]', /merges\[0\]\.posts\[1\]: the post math is listed twice/],
    ['merger: ties, posts: []', /merges\[0\]\.posts: /],
    ['merger: slerp, posts: [math], t: 0.5', /merges\[0\]\.posts: slerp merges exactly 2 models .*; got 1/],
    [
      'merger: ties, posts: [math, code], lamda: 1',
      /merges\[0\]\.lamda: unknown option of ties "lamda"; did you mean "lambda"/,
    ],
    [
      'merger: ties, posts: [math, code], drop_rate: [0.5, 2]',
      /merges\[0\]\.drop_rate: drop_rate of each model of ties must be .*; got 2/,
    ],
    ['merger: ties, posts: [math, code], lambda: []', /merges\[0\]\.lambda: an empty list makes no run/],
    [
      'merger: ties, posts: [math, code], weight: { cod: 1 }',
      /merges\[0\]\.weight\.cod: unknown post of this merge "cod"; did you mean "code"/,
    ],
    [
      'merger: widen, posts: [math, code], convention: peft',
      /merges\[0\]\.convention: widen has no convention "peft"; it has: paper/,
    ],
    ['merger: widen, posts: [math, code], convention: pfet', /merges\[0\]\.convention: /],
    [
      'merger: ties, posts: [math, code], tasks: [maths]',
      /merges\[0\]\.tasks\[0\]: unknown task of the models "maths"; did you mean "math"/,
    ],
    [
      'merger: ties, posts: [math, code], edit: { editor: dar, drop_rate: 0.5 }',
      /merges\[0\]\.edit\.editor: unknown editor "dar"; did you mean "dare"/,
    ],
    ['merger: ties, posts: [math, code], edit: { editor: dare, drop_rate: 2 }', /merges\[0\]\.edit\.drop_rate: /],
    [
      'merger: ties, posts: [math, code], edit: { editor: biased, by: product, drop_rate: 0.5, k: 0.5 }',
      /merges\[0\]\.edit: an edit before a merge cannot need a gradient/,
    ],
    [
      'merger: ties, posts: [math, code], lambda: [1, 1]',
      /merges\[0\]: the same merge is listed twice: ties of math, code/,
    ],
  ]
  for (const [entry, message] of cases) {
    await assert.rejects(load(`merges:\n  - { ${entry} }\n`), (error: Error) => {
      assert.ok(error instanceof UserError, String(error))
      assert.match(error.message, /x\.yaml:\d+:\d+: /, entry)
      assert.match(error.message, message)
      return true
    })
  }
  await assert.rejects(load('seeds: 1\n'), /there is nothing to run: `editors` or `merges` are needed/)
  const apart = HEAD.replace('post: large/math', 'post: large/logic')
  await assert.rejects(
    load('merges: [{ merger: ties, posts: [math, instruct] }]\n', apart),
    /math, instruct are not fine-tunes of one base/,
  )
  const twice = HEAD.replace(
    'base: small/base, post: small/code, tasks: [code]',
    'base: small/base, post: old/math, tasks: [code]',
  )
  await assert.rejects(
    load('merges: [{ merger: average, posts: [math] }]\n', twice),
    /math is two fine-tunes, small\/math and old\/math/,
  )
})
