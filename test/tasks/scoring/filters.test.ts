// Answers taken out of text as lm-evaluation-harness does, and answers of MATH in one spelling.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scoreReplies } from '../../../src/evaluate/index.js'
import { boxedAnswer, normaliseAnswer, sameAnswer, statedAnswer } from '../../../src/tasks/formulas/latex.js'
import { ANSWER_METRICS, cutAtStop, filterAnswer, type GenerateTask } from '../../../src/tasks/index.js'

const strict = [{ regex: '#### (\\-?[0-9\\.\\,]+)', take: 0, fallback: '[invalid]' }]
const flexible = [{ regex: '(-?[$0-9.,]{2,})|(-?[0-9]+)', take: -1, fallback: '[invalid]' }]
const ignore = { case: true, regexes: [',', '\\$', '(?s).*#### ', '\\.$'] }
const item = { id: '1', prompt: '', target: 'He has 1,000.\nSo\n#### 1,234', fields: {} }

const gsm8k: [answer: string, strict: number, flexible: number][] = [
  [' It is\n#### 1,234', 1, 1],
  [' It is #### 1234.', 1, 1],
  [' The answer is $1,234.', 0, 1],
  [' 1234 and then 7', 0, 0],
  [' 1234 #### 5', 0, 0],
  [' #### 1234, then 5', 1, 0],
  [' nothing', 0, 0],
]
for (const [answer, one, two] of gsm8k) {
  test(`GSM8K: ${JSON.stringify(answer)} is ${one} strictly, ${two} flexibly`, () => {
    const score = (steps: typeof strict) =>
      ANSWER_METRICS.exact_match!.score(filterAnswer(answer, steps), item, { ignore })
    assert.deepEqual([score(strict), score(flexible)], [one, two])
  })
}

test('the score under the first filter has its standard error by the name of the metric', async () => {
  const task: GenerateTask = {
    name: 'sums',
    version: 1,
    description: 'd',
    kind: 'generate',
    metric: 'exact_match',
    maxNewTokens: 8,
    filters: { strict, flexible },
    items: Array.from({ length: 4 }, (_, i) => ({ id: `${i}`, prompt: '', target: '5', fields: {} })),
  }
  const scores = await scoreReplies(task, ['#### 5', '#### 5', '#### 5', 'it is 5'])
  assert.deepEqual([scores.score, scores.others], [0.75, { 'exact_match,flexible': 1 }])
  // Three 1 and a 0: a deviation of 1/2 over n - 1, divided by the root of 4.
  assert.deepEqual(scores.errors(), { exact_match: 0.25, 'exact_match,flexible': 0 })
})

test('one group that matched nothing is empty, of several groups it is the fallback', () => {
  const taken = (text: string, regex: string, take = 0) => filterAnswer(text, [{ regex, take, fallback: 'none' }])
  assert.equal(taken('A: ', 'A: (\\d*)'), '')
  assert.equal(taken('A: ', 'A: (\\d+)?(x)?'), 'none')
  assert.equal(taken('A: 7 8', 'B'), 'none')
  // The second last of three; Python writes (?i) in front.
  assert.equal(taken('a1 A2 a3', '(?i)a(\\d)', -2), '2')
})

test('space around the match is not of the answer, as Python counts it: RegexFilter of lm-eval 0.4.13 gives these', () => {
  const taken = (text: string, regex: string) => filterAnswer(text, [{ regex, take: 0, fallback: ' none ' }])
  assert.equal(taken('A:\u00a0 7 \x1f.', 'A:(.*)\\.'), '7')
  assert.equal(taken('A:\ufeff7\ufeff.', 'A:(.*)\\.'), '\ufeff7\ufeff')
  assert.equal(taken('A: 7 .', 'A:.*\\s'), 'A: 7')
  assert.equal(taken('A:  x', 'A:(\\s*)(x?)'), '')
  assert.equal(taken('7', 'A'), ' none ')
})

test('stops cut at the first of them', () => {
  assert.equal(cutAtStop('a\ndef b\n#', ['\n#', '\ndef']), 'a')
  assert.equal(cutAtStop('a', ['b']), 'a')
  assert.equal(cutAtStop('a'), 'a')
})

test('the boxed answer is the last one, with braces inside it', () => {
  assert.equal(boxedAnswer('so $\\boxed{1}$ and $\\boxed{\\frac{1}{2}}$.'), '\\frac{1}{2}')
  assert.equal(boxedAnswer('it is $\\boxed 7$'), '7')
  assert.equal(boxedAnswer('$\\fbox{3}$'), '3')
  assert.equal(boxedAnswer('none'), undefined)
})

for (const [given, wanted] of [
  ['x = 5', '5'],
  ['$\\frac12$', '\\frac{1}{2}'],
  ['\\sqrt2', '\\sqrt{2}'],
  ['12\\text{ cm}', '12'],
  ['1,234', '1234'],
  ['45^\\circ', '45'],
  ['\\text{even}', 'even'],
  ['\\textbf{(B)}', '(B)'],
  ['the answer is $3$ dollars', '3'],
  ['10\\%', '10\\%'],
  ['(3,\\!4)', '(34)'],
] as const) {
  test(`MATH: ${given} is ${wanted}`, () => assert.equal(normaliseAnswer(given), wanted))
}

test('MATH: equal in spelling, as numbers or as formulas', () => {
  assert.ok(
    sameAnswer('\\frac{1}{2}', '0.5') &&
      sameAnswer('-\\frac{3}{4}', '-0.75') &&
      sameAnswer('2\\sqrt{4}', '4') &&
      sameAnswer('3/4', '0.75'),
  )
  assert.ok(
    sameAnswer('x+1', '1+x') &&
      sameAnswer('(3,4)', '(3,4)') &&
      !sameAnswer('\\frac{1}{0}', '0') &&
      !sameAnswer('1', '2'),
  )
  const right = 'So.\nFinal Answer: The final answer is $\\frac12$. I hope it is correct.\n\n'
  assert.equal(statedAnswer(right), '$\\frac12$')
  const half = { id: '', prompt: '', target: '', fields: { answer: '\\frac{1}{2}' } }
  assert.deepEqual(
    [ANSWER_METRICS.math_answer!.score(right, half), ANSWER_METRICS.math_answer!.score('0.5', half)],
    [1, 0],
  )
})
