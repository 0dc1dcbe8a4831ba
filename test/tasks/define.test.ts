// Tasks that are defined in code: rows, templates and metrics as a card has them, and what is refused.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { evaluateTask } from '../../src/evaluate/index.js'
import { defineTask, identifyTask, isTask, listTasks, loadTask, type TaskDefinition } from '../../src/tasks/index.js'
import { assertClose } from '../close.js'
import { type Fixture, openFixture } from '../models/fixture.js'
import { idTokenizer as tokenizer } from '../tokenizer/ids.js'
import { loadKind } from './kinds.js'

const rows = [
  { n: 3, answer: 'odd' },
  { n: 4, answer: 'even' },
]
const parity = {
  name: 'parity',
  data: rows,
  prompt: 'Is {{ n }} odd or even?',
  target: ' {{ answer }}',
  metric: 'exact_match',
  max_new_tokens: 4,
} satisfies TaskDefinition

let fixture: Fixture
before(async () => {
  fixture = await openFixture('llama3')
})

test('it is the task that a card with the same entries is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'define-'))
  try {
    writeFileSync(join(folder, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    writeFileSync(
      join(folder, 'parity.yaml'),
      JSON.stringify({ ...parity, version: 1, description: 'task parity', data: 'rows.jsonl' }),
    )
    assert.deepEqual(await loadTask(defineTask(parity)), await loadTask(join(folder, 'parity.yaml')))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('rows may come from a function, and examples stand before them', async () => {
  const task = defineTask({
    ...parity,
    data: async () => rows,
    fewshot: { number: 1, samples: [{ n: 1, answer: 'odd' }] },
  })
  const { items } = await loadTask(task)
  assert.equal(items[1]!.prompt, 'Is 1 odd or even? odd\n\nIs 4 odd or even?')
})

test('it is found by name, before a shipped task, and listed', async () => {
  const tasks = [defineTask(parity)]
  assert.equal((await loadTask('parity', { tasks })).items.length, 2)
  assert.deepEqual(identifyTask('parity', { tasks }), {
    name: 'parity',
    version: 1,
    kind: 'generate',
    metric: 'exact_match',
  })
  assert.deepEqual(identifyTask(tasks[0]!), identifyTask('parity', { tasks }))
  assert.ok((await listTasks({ tasks })).some(({ name, n }) => name === 'parity' && n === 2))
  await assert.rejects(loadTask('parity'), /unknown task "parity"/)
  await assert.rejects(loadTask('parit', { tasks }), /unknown task "parit"; did you mean "parity"/)
  assert.ok(isTask(tasks[0]) && !isTask({ name: 'parity' }) && !isTask(null))
})

test('a metric of its own scores generated answers, beside one of the house', async () => {
  const { model, post, expected } = fixture
  const data = expected.generation.slice(0, 2).map(({ prompt, post: { ids } }) => ({
    prompt: prompt.join(' '),
    target: ids.slice(0, 3).join(' '),
  }))
  const task = await loadTask(
    defineTask({
      name: 'long',
      data,
      metric: [
        { name: 'tokens', description: 'tokens of the answer', score: (answer) => answer.split(' ').length },
        'exact_match',
      ],
      max_new_tokens: 3,
    }),
  )
  const { score, items, others, errors } = await evaluateTask({ model, weights: post, reader: tokenizer }, task)
  assert.deepEqual([score, [...items], others], [3, [3, 3], { exact_match: 1 }])
  assert.deepEqual(errors(), { tokens: 0, exact_match: 0 })
})

test('a metric of its own scores choices by their likelihoods', async () => {
  const { model, post, expected } = fixture
  const data = expected.loglikelihood.map(({ prompt, candidates }) => ({
    prompt: prompt.join(' '),
    texts: candidates.map(({ ids }) => ids.join(' ')),
    right: 1,
  }))
  const margin = {
    name: 'margin',
    description: 'how much likelier the second choice is, in nats',
    score: (likelihoods: readonly number[]) => likelihoods[1]! - likelihoods[0]!,
  }
  const task = await loadKind(
    'choices',
    defineTask({ name: 'pick', data, kind: 'choices', choices: 'texts', right: 'right', metric: [margin, 'acc'] }),
  )
  const { items, others } = await evaluateTask({ model, weights: post, reader: tokenizer }, task)
  expected.loglikelihood.forEach(({ candidates: [one, two] }, i) => {
    const wanted = two!.post.logprob - one!.post.logprob
    assertClose(items[i]!, wanted, { tolerance: 2e-4 }, `item ${i}: ${items[i]}, wanted ${wanted}`)
  })
  const likelier = expected.loglikelihood.map(({ candidates: [one, two] }) => two!.post.logprob > one!.post.logprob)
  assert.equal(others!.acc, likelier.filter(Boolean).length / likelier.length)
})

const refused: [name: string, definition: object, message: RegExp][] = [
  ['a key that cards do not have', { promt: 'x' }, /^task parity: .*unknown key "promt"; did you mean "prompt"/],
  [
    'a metric that there is not',
    { metric: 'exact' },
    /^task parity: metric: unknown metric "exact"; did you mean "exact_match"/,
  ],
  [
    'a metric of another kind',
    { kind: 'classify', label: '{{ n }}' },
    /^task parity: metric: unknown metric "exact_match"/,
  ],
  ['no length of answers', { max_new_tokens: undefined }, /^task parity: max_new_tokens: a card of the kind generate/],
  ['no metric', { metric: undefined }, /^task parity: metric: is required/],
  ['no data', { data: undefined }, /^task parity: data: is required/],
  ['a template that is not jinja', { prompt: '{{ n' }, /^task parity: prompt: the template/],
]
for (const [name, changes, message] of refused)
  test(`refused at once: ${name}`, () => {
    assert.throws(() => defineTask({ ...parity, ...changes } as TaskDefinition), { name: 'UserError', message })
  })

test('refused when it is loaded: marks of which none, or one behind the choices, is right', async () => {
  const load = (right: unknown, kind: 'choices' | 'rank') => {
    const data = [{ q: 'a ___', texts: ['x', 'y'], right }]
    const entries = { name: 'pick', data, prompt: '{{ q }}', choices: 'texts', right: 'right', label: '0' }
    return loadTask(defineTask({ ...entries, kind, metric: kind === 'rank' ? 'mrr' : 'mc2' } as TaskDefinition))
  }
  for (const kind of ['choices', 'rank'] as const)
    await assert.rejects(load([0, 0], kind), /row 1: none of the 2 choices is marked as right$/)
  await assert.rejects(load([1, 0, 1], 'choices'), /row 1: the right choice is number 2 from 0, of 2 choices$/)
  await assert.rejects(load([0, 0, 1], 'rank'), /row 1: the right choice is number 2 from 0, of 2 choices$/)
})

test('refused when it is loaded: a column that rows do not have, and no rows', async () => {
  await assert.rejects(
    loadTask(defineTask({ ...parity, data: [...rows, { m: 1 }] })),
    /^UserError: task parity: row 3: unknown column "n"/,
  )
  await assert.rejects(
    loadTask(defineTask({ ...parity, data: [] })),
    /task parity: code holds no items; each must have n and answer/,
  )
})
