// What each metric calls right and wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANSWER_METRICS } from '../../../src/tasks/index.js'

const tests = [{ x: 1 }, { x: 4 }, { x: -3 }, { x: 10 }]

const cases: [metric: string, target: string, answer: string, score: number, fields?: Record<string, unknown>][] = [
  ['exact_match', ' duck rope', ' duck rope', 1],
  ['exact_match', ' duck rope', 'duck rope\n', 1],
  ['exact_match', ' duck rope', ' duck  rope', 0],
  ['exact_match', ' duck rope', ' Duck rope', 0],
  ['exact_match', ' duck rope', '', 0],
  ['final_number', ' 16-2=14 #### 14', ' 16-3=13, 13+1=14 #### 14', 1], // the way there does not count
  ['final_number', ' 16-2=14 #### 14', '#### 14.0', 1],
  ['final_number', ' 16-2=14 #### 14', ' 16-2=14 14', 0],
  ['final_number', ' 16-2=14 #### 14', ' #### 141', 0],
  ['final_number', ' 16-2=14 #### 14', ' #### -14', 0],
  ['final_number', ' 16-2=14 #### 14', ' #### 13 #### 14', 0], // the first one stands
  ['final_number', ' 16-2=14 #### 14', ' ####', 0],
  ['final_number', '#### 1,234', 'so #### 1234.', 1],
  ['final_number', 'no number', 'no number', 0],
  ['program', ' return x*2+2', ' return (x+1)*2', 1, { tests }],
  ['program', ' return x*2+2', ' return x+x+2', 1, { tests }],
  ['program', ' return x*2+2', ' return x*2', 0, { tests }],
  ['program', ' return x*2+2', ' return x*x+3', 0, { tests }], // right for x = 1 only
  ['program', ' return x*2+2', ' return s', 0, { tests }],
  ['program', ' return x*2+2', '', 0, { tests }],
  ['program', ' return x*2+2', ' return process.exit()', 0, { tests }],
  ['program', ' return s*2', ' return s+s', 1, { tests: [{ s: 'ab' }] }],
  ['program', ' return s*2', ' return s*999999999', 0, { tests: [{ s: 'ab' }] }],
  ['program', ' return s.upper(', ' return s.upper(', 0, { tests: [{ s: 'ab' }] }], // a target that does not run
  ['program', ' return s*2', ' return s*2', 0, { tests: [] }],
  ['program', ' return s*2', ' return s*2', 0],
]

for (const [metric, target, answer, score, fields = {}] of cases) {
  test(`${metric}: ${JSON.stringify(answer)} for ${JSON.stringify(target)} scores ${score}`, () => {
    assert.equal(ANSWER_METRICS[metric]!.score(answer, { id: '1', prompt: 'p', target, fields }), score)
  })
}

test('each metric is listed under its own name', () => {
  for (const [name, metric] of Object.entries(ANSWER_METRICS)) assert.equal(metric.name, name)
})
