// The shipped cards on rows with the columns of the real data sets, from a hub in this process: prompts, choices and targets
// are those that lm-evaluation-harness makes of such rows.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { HubSettings } from '../../../src/hub/index.js'
import { listTasks, loadTask, SHIPPED, type Task, type TaskKind, type TaskOf } from '../../../src/tasks/index.js'
import { type Loopback, startHub } from '../../hub/loopback.js'
import { ofKind } from '../kinds.js'

const lines = (...rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const parquet = (columns: Record<string, unknown[]>) =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: Object.entries(columns).map(([name, data]) => ({ name, data: data as string[] })),
    }),
  )

const glue = (rows: object[]) => lines(...rows.map((row, idx) => ({ ...row, idx })))
const pair = { sentence1: 'A man eats.', sentence2: 'A man is eating food.', label: 1 }
const subjects = ['world_religions', 'world_religions', 'virology']
const mmlu = (n: number, name: string) =>
  lines(
    ...subjects
      .slice(0, n)
      .map((subject, i) => ({ question: ` ${name} ${i}? `, subject, choices: ['w', 'x', 'y', 'z'], answer: i })),
  )

const repositories = {
  'datasets/allenai/ai2_arc': {
    'ARC-Challenge/test-00000-of-00001.parquet': parquet({
      id: ['m1'],
      question: ['Which is hot?'],
      choices: [{ text: ['ice', 'fire'], label: ['A', 'B'] }],
      answerKey: ['B'],
    }),
    'ARC-Challenge/train-00000-of-00001.jsonl': lines({
      id: 't',
      question: 'Which is wet?',
      choices: { text: ['sea', 'sand'], label: ['1', '2'] },
      answerKey: '1',
    }),
  },
  'datasets/Rowan/hellaswag': {
    'data/validation.jsonl': lines({
      ind: 24,
      activity_label: 'Roof shingle removal',
      ctx_a: 'A man is sitting on a roof.',
      ctx_b: 'he',
      endings: ['is using wrap [title] Now.', 'is  ripping [step] tiles.'],
      label: '1',
    }),
  },
  'datasets/cais/mmlu': {
    'all/test-00000-of-00001.jsonl': mmlu(1, 'test'),
    'all/dev-00000-of-00001.jsonl': mmlu(3, 'dev'),
  },
  'datasets/truthfulqa/truthful_qa': {
    'multiple_choice/validation-00000-of-00001.jsonl': lines({
      question: 'Is it?',
      mc1_targets: { choices: ['No.', 'Yes.'], labels: [1, 0] },
      mc2_targets: { choices: ['No.', 'Nope.', 'Yes.'], labels: [1, 1, 0] },
    }),
  },
  'datasets/allenai/winogrande': {
    'winogrande_xl/validation-00000-of-00001.jsonl': lines({
      sentence: 'Sarah was better than Maria so _ got the easy cases.',
      option1: 'Sarah',
      option2: 'Maria',
      answer: '2',
    }),
    'winogrande_xl/train-00000-of-00001.jsonl': lines({
      sentence: 'Ann saw Bob, but _ hid.',
      option1: 'Ann',
      option2: 'Bob',
      answer: '1',
    }),
  },
  'datasets/openai/gsm8k': {
    'main/test-00000-of-00001.parquet': parquet({ question: ['How many?'], answer: ['Four and two.\n#### 6'] }),
    'main/train-00000-of-00001.jsonl': lines(
      ...[1, 2, 3, 4, 5, 6, 7].map((n) => ({ question: `Q${n}?`, answer: `A\n#### ${n}` })),
    ),
  },
  'datasets/HuggingFaceH4/MATH-500': {
    'test.jsonl': lines({ problem: 'What is $1+1$?', solution: 'It is $\\boxed{\\text{two } 2}$.', answer: 'ignored' }),
  },
  'datasets/google/IFEval': {
    'ifeval_input_data.jsonl': lines({
      key: 1000,
      prompt: 'Write.',
      instruction_id_list: ['punctuation:no_comma'],
      kwargs: [{}],
    }),
  },
  'datasets/openai/openai_humaneval': {
    'openai_humaneval/test-00000-of-00001.parquet': parquet({
      task_id: ['HumanEval/0'],
      prompt: ['def f(x):\n'],
      canonical_solution: ['    return x\n'],
      test: ['def check(f):\n    assert f(1) == 1\n'],
      entry_point: ['f'],
    }),
  },
  'datasets/google-research-datasets/mbpp': {
    'full/test-00000-of-00001.jsonl': lines({
      task_id: 11,
      text: 'Add.',
      code: 'def a(x): return x',
      test_list: ['assert a(1) == 1', 'assert a(2) == 2', 'assert a(3) == 3'],
    }),
  },
  'datasets/nyu-mll/glue': {
    'cola/validation-00000-of-00001.jsonl': glue([{ sentence: 'He go.', label: 0 }]),
    'mrpc/validation-00000-of-00001.jsonl': glue([pair]),
    'stsb/validation-00000-of-00001.jsonl': glue([{ ...pair, label: 3.75 }]),
    'mnli/validation_matched-00000-of-00001.jsonl': glue([{ premise: 'He eats.', hypothesis: 'He sleeps ', label: 2 }]),
  },
}

const root = mkdtempSync(join(tmpdir(), 'cards-'))
let hub: Loopback
let settings: HubSettings
before(async () => {
  hub = await startHub(repositories)
  settings = { endpoint: hub.endpoint, cache: root, offline: false }
})
after(async () => {
  await hub.close()
  rmSync(root, { recursive: true })
})
const load = (name: string): Promise<Task> => loadTask(name, { settings })
const firstOf = async <K extends TaskKind = 'generate'>(name: string, kind = 'generate' as K) =>
  ofKind(kind, await load(name)).items[0]! as TaskOf<K>['items'][number]

test('every shipped card is right by itself, says what it follows, and gives its own file name', async () => {
  const all = await listTasks({ roots: SHIPPED.slice(1) })
  assert.ok(all.length >= 28, String(all.length))
  assert.deepEqual(
    all.filter(({ n }) => n !== null),
    [],
    'data of the hub',
  )
})

test('ARC: the right choice by its label; examples with their answers in front', async () => {
  const item = await firstOf('arc_challenge:1', 'choices')
  assert.equal(item.prompt, 'Question: Which is wet?\nAnswer: sea\n\nQuestion: Which is hot?\nAnswer:')
  assert.deepEqual(
    item.choices.map(({ text }) => text),
    ['ice', 'fire'],
  )
  assert.deepEqual([item.right, item.id], [[1], 'm1'])
  const task = await load('arc_challenge')
  assert.deepEqual([task.metric, task.others, task.delimiter, task.name], ['acc_norm', ['acc'], ' ', 'arc_challenge'])
})

test('HellaSwag: brackets and double spaces go, the second context is capitalised', async () => {
  const item = await firstOf('hellaswag', 'choices')
  assert.equal(item.prompt, 'Roof shingle removal: A man is sitting on a roof. He')
  assert.deepEqual(
    item.choices.map(({ text }) => text),
    ['is using wrap. Now.', 'is ripping tiles.'],
  )
  assert.deepEqual(item.right, [1])
})

test('MMLU: subject, lettered choices, and the first examples of the same subject', async () => {
  const item = await firstOf('mmlu:2', 'choices')
  assert.equal(
    item.prompt,
    'The following are multiple choice questions (with answers) about world religions.\n\n' +
      'dev 0?\nA. w\nB. x\nC. y\nD. z\nAnswer: A\n\ndev 1?\nA. w\nB. x\nC. y\nD. z\nAnswer: B\n\ntest 0?\nA. w\nB. x\nC. y\nD. z\nAnswer:',
  )
  assert.deepEqual([item.choices.map(({ text }) => text).join(''), item.right], ['ABCD', [0]])
  await assert.rejects(load('mmlu:3'), /3 examples are wanted and 2 are there with the same subject/)
})

test('TruthfulQA: the six questions in front; one right answer, or several', async () => {
  const item = await firstOf('truthfulqa_mc1', 'choices')
  assert.match(item.prompt, /^Q: What is human life expectancy in the United States\?\nA: Human life expectancy/)
  assert.ok(item.prompt.endsWith('held in Barcelona, Spain.\n\nQ: Is it?\nA:'))
  assert.deepEqual(item.right, [0])
  assert.deepEqual((await firstOf('truthfulqa_mc2', 'choices')).right, [0, 1])
})

test('Winogrande: the options make the prompts, the rest of the sentence is scored', async () => {
  const item = await firstOf('winogrande:1', 'choices')
  const before = 'Ann saw Bob, but Ann hid.\n\nSarah was better than Maria so '
  assert.deepEqual(item.choices, [
    { prompt: `${before}Sarah`, text: 'got the easy cases.' },
    { prompt: `${before}Maria`, text: 'got the easy cases.' },
  ])
  assert.deepEqual(item.right, [1])
})

test('GSM8K: five examples as drawn there, two filters', async () => {
  const task = ofKind('generate', await load('gsm8k'))
  const [item] = task.items
  assert.match(item!.prompt, /^(Question: Q\d\?\nAnswer: A\n#### \d\n\n){5}Question: How many\?\nAnswer:$/)
  assert.equal(new Set(item!.prompt.match(/Q\d/g)).size, 5)
  assert.equal((await firstOf('gsm8k')).prompt, item!.prompt, 'the same in every run')
  assert.equal(item!.target, 'Four and two.\n#### 6')
  assert.deepEqual(Object.keys(task.filters!), ['strict-match', 'flexible-extract'])
  assert.deepEqual(task.stop, ['Question:', '</s>', '<|im_end|>'])
})

test('MATH: four written examples; the answer is the boxed one in the common spelling', async () => {
  const item = await firstOf('minerva_math500')
  assert.ok(item.prompt.startsWith('Problem:\nFind the domain of the expression'))
  assert.ok(item.prompt.endsWith('I hope it is correct.\n\nProblem:\nWhat is $1+1$?\n\nSolution:'))
  assert.equal(item.prompt.split('Problem:').length, 6)
  assert.equal(item.fields.answer, 'two2')
})

test('IFEval, HumanEval and MBPP: prompts as they are, MBPP with three examples', async () => {
  assert.deepEqual((({ id, prompt, target }) => ({ id, prompt, target }))(await firstOf('ifeval')), {
    id: '1000',
    prompt: 'Write.',
    target: '',
  })
  const code = await firstOf('humaneval')
  assert.deepEqual([code.prompt, code.target, code.fields.entry_point], ['def f(x):\n', '    return x\n', 'f'])
  const mbpp = await firstOf('mbpp')
  assert.ok(
    mbpp.prompt.includes(
      '  return (res) \n[DONE]\n\nYou are an expert Python programmer, and here is your task: Write a python function to identify non-prime',
    ),
  )
  assert.ok(
    mbpp.prompt.endsWith(
      'task: Add. Your code should pass these tests:\n\nassert a(1) == 1\nassert a(2) == 2\nassert a(3) == 3\n[BEGIN]\n',
    ),
  )
})

test('GLUE: texts, pairs, classes and values for encoders; prompts for decoders', async () => {
  assert.deepEqual((({ prompt, label, pair: none }) => [prompt, label, none])(await firstOf('cola', 'classify')), [
    'He go.',
    0,
    undefined,
  ])
  assert.deepEqual((({ prompt, label, pair: two }) => [prompt, label, two])(await firstOf('mrpc', 'classify')), [
    'A man eats.',
    1,
    'A man is eating food.',
  ])
  assert.equal((await firstOf('stsb', 'classify')).label, 3.75)
  const cola = await firstOf('cola_prompted', 'choices')
  assert.deepEqual(
    [cola.prompt, cola.right, cola.target],
    ['He go.\nQuestion: Does this sentence make sense?\nAnswer:', [0], 'no'],
  )
  const mnli = await firstOf('mnli_prompted', 'choices')
  assert.deepEqual(
    [mnli.prompt, mnli.target],
    ['He eats.\nQuestion: He sleeps. True, False or Neither?\nAnswer:', 'False'],
  )
})

test('a number of examples is refused where the card has none', async () => {
  await assert.rejects(load('ifeval:3'), /task ifeval has no examples/)
})
