// Self-correction in one generation: what the first and the final answer are for every form of text, and the scores before and after.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { confusionLines } from '../../../src/cli/confusion-text.js'
import { scoreReplies } from '../../../src/evaluate/index.js'
import { generateMethods } from '../../../src/evaluate/kinds/generate.js'
import { defineTask, type GenerateTask, loadTask } from '../../../src/tasks/index.js'
import { readSelfCorrection } from '../../../src/tasks/scoring/self-correction.js'

const MARKS = { confirmed: '\nNote: good', rejected: '\nNote: again' }

const CASES: [name: string, text: string, first: string, final: string, judgement: string | null][] = [
  ['confirmed', ' 4\nNote: good', ' 4', ' 4', 'confirmed'],
  ['corrected', ' 5\nNote: again 4', ' 5', ' 4', 'rejected'],
  ['no judgement', ' 4', ' 4', ' 4', null],
  ['empty text', '', '', '', null],
  ['judged wrong without a correction', ' 4\nNote: again', ' 4', '', 'rejected'],
  [
    'a confirmed answer is final: what follows does not count',
    ' 4\nNote: good 5\nNote: again 6',
    ' 4',
    ' 4',
    'confirmed',
  ],
  ['the correction is confirmed', ' 5\nNote: again 4\nNote: good', ' 5', ' 4', 'rejected'],
  ['the correction is corrected', ' 5\nNote: again 6\nNote: again 4', ' 5', ' 4', 'rejected'],
  ['two rejections in a row', ' 5\nNote: again\nNote: again 4', ' 5', ' 4', 'rejected'],
  ['half a judgement is part of the answer', ' 4\nNote:', ' 4\nNote:', ' 4\nNote:', null],
  ['half a judgement after a correction', ' 5\nNote: again 4\nNote', ' 5', ' 4\nNote', 'rejected'],
  ['a judgement of nothing', '\nNote: good', '', '', 'confirmed'],
  ['another case is no judgement', ' 4\nnote: good', ' 4\nnote: good', ' 4\nnote: good', null],
]

for (const [name, text, first, final, judgement] of CASES) {
  test(`self-correction: ${name}`, () => assert.deepEqual(readSelfCorrection(text, MARKS), { first, final, judgement }))
}

const base = {
  name: 'sums',
  metric: 'exact_match',
  max_new_tokens: 9,
  target: '{{target}}\nNote: good',
  self_correction: MARKS,
} as const
const data = ['4', '4', '4', '4', '4', '4', '4', '4'].map((target) => ({ prompt: '2+2=', target }))

test('the scores before and after, and the confusion table, worked out by hand', async () => {
  const task = await loadTask(defineTask({ ...base, data }))
  const answers = [
    ' 4\nNote: good', // right, confirmed
    ' 5\nNote: again 4', // corrected
    ' 4\nNote: again 5', // spoilt
    ' 5\nNote: again 6', // wrong twice
    ' 4', // right, not judged
    ' 5\nNote: good', // wrong, confirmed
    ' 4\nNote: again 4', // right twice, judged falsely
    ' 4\nNote: again', // taken back
  ]
  const { metric, score, others, errors, items } = await scoreReplies(task, answers)
  assert.equal(metric, 'exact_match')
  assert.equal(score, 4 / 8)
  assert.deepEqual([...items], [1, 1, 0, 0, 1, 0, 1, 0])
  assert.deepEqual(others, {
    first: 5 / 8,
    right_right: 3 / 8,
    wrong_right: 1 / 8,
    right_wrong: 2 / 8,
    wrong_wrong: 2 / 8,
    judged: 7 / 8,
    judged_well: 3 / 8,
  })
  assert.deepEqual(confusionLines(others!), [
    'first answer    finally right  finally wrong',
    'right                  37.5 %         25.0 %',
    'wrong                  12.5 %         25.0 %',
  ])
  assert.deepEqual(confusionLines({ acc: 1 }), [])
  // s = √(n/(n−1) p (1−p)), divided by √n.
  assert.ok(Math.abs(errors().wrong_right! - Math.sqrt(((1 / 8) * (7 / 8)) / 7)) < 1e-12)
})

test('other metrics and filters are of the final answer; a score below 1 is wrong', async () => {
  const task = await loadTask(
    defineTask({
      ...base,
      data: data.slice(0, 2),
      metric: ['exact_match', { name: 'half', description: '', score: () => 0.5 }],
      filters: { last: [{ regex: '\\d+', take: -1 }], whole: [{ regex: '.*' }] },
    }),
  )
  const { score, others } = await scoreReplies(task, [' 9 then 4\nNote: good', ' 5\nNote: again 4'])
  assert.equal(score, 1)
  assert.deepEqual(others, {
    'exact_match,whole': 0.5,
    'half,last': 0.5,
    'half,whole': 0.5,
    first: 0.5,
    right_right: 0.5,
    wrong_right: 0.5,
    right_wrong: 0,
    wrong_wrong: 0,
    judged: 1,
    judged_well: 1,
  })
})

test('a given first answer: the model judges it, and it is the same for every model', async () => {
  const rows = [
    { prompt: '2+2=', first: ' 5', judgement: '\nNote: again', correction: ' 4' },
    { prompt: '2+2=', first: ' 4', judgement: '\nNote: good' },
  ]
  const given = {
    ...base,
    data: rows,
    prompt: '{{prompt}}{{first}}',
    target: "{{judgement}}{{correction if correction is defined else ''}}",
    self_correction: { ...MARKS, first: '{{first}}' },
  } as const
  const task = await loadTask(defineTask(given))
  assert.deepEqual(
    task.items.map(({ prompt }) => prompt),
    ['2+2= 5', '2+2= 4'],
  )
  const { score, others } = await scoreReplies(task, ['\nNote: again 4', '\nNote: again 4'])
  assert.equal(score, 1)
  assert.deepEqual([others!.first, others!.wrong_right, others!.right_right, others!.judged_well], [0.5, 0.5, 0.5, 0.5])
  await assert.rejects(
    loadTask(defineTask({ ...given, prompt: '{{first}}{{prompt}}' })),
    /the prompt does not end with the first answer " 5"$/,
  )
  assert.throws(
    () => generateMethods.inChat!(task as GenerateTask, (prompt) => prompt),
    /task sums: its prompts end with a first answer of the model, which cannot be asked for in a chat/,
  )
})

test('cards that cannot be meant are refused in one line', async () => {
  const refuses = (more: object, message: RegExp) =>
    assert.rejects(async () => loadTask(defineTask({ ...base, data, ...more } as never)), message)
  await refuses(
    { self_correction: { confirmed: 'right', rejected: 'not right' } },
    /self_correction: one of confirmed \("right"\) and rejected \("not right"\) is in the other, so they cannot be told apart/,
  )
  await refuses({ self_correction: { confirmed: 'same', rejected: 'same' } }, /self_correction: .*cannot be told apart/)
  await refuses({ self_correction: { confirmed: 'right' } }, /self_correction\.rejected/)
  await refuses(
    { kind: 'choices', metric: 'acc', choices: ['{{target}}'], right: '0' },
    /self_correction: is of generated answers, and this card is of the kind choices/,
  )
  // The target's own final answer must be right: here it is taken back.
  await refuses({ metric: 'final_number', target: '#### {{target}}\nNote: again' }, /the target itself is not right/)
})
