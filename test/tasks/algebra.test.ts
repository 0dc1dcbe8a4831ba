// Answers in LaTeX that are the same number or formula, those that are not, and those that are not arithmetic.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sameFormula } from '../../src/tasks/algebra.js'

for (const [one, two] of [
  ['\\frac{1}{2}', '0.5'], ['-\\frac{3}{4}', '\\frac{-3}{4}'], ['\\dfrac12', '.5'], ['3/4', '0.75'], ['1,234.5', '1234.5'], ['2\\sqrt{4}', '4'],
  ['\\frac{\\sqrt{3}}{3}', '\\frac{1}{\\sqrt{3}}'], ['\\sqrt[3]{-8}', '-2'], ['2^{10}', '1024'], ['2^{-3}', '\\frac{1}{8}'], ['-2^2', '-4'], ['5!', '120'],
  ['2\\pi', '\\pi\\cdot2'], ['x+1', '1+x'], ['(x-1)(x+1)', 'x^2-1'], ['\\frac{n(n+1)}{2}', '\\frac{n^2+n}{2}'], ['2xy', 'yx\\times2'], ['x_1-x_{2}', '-x_{2}+x_1'],
  ['\\sin^2x+\\cos^2x', '1'], ['\\left(\\frac{a}{b}\\right)^2', 'a^2/b^2'], ['|x|', '\\sqrt{x^2}'], ['\\log10', '1'], ['10\\%', '10'], ['a-b-c', 'a-(b+c)'], ['8/4/2', '1'], ['x^{12}', 'x^{6}x^6'],
  ['x^12', '2x'], ['\\ln x', '\\frac{\\log x}{\\log\\exp1}'],
] as const) {
  test(`${one} is ${two}`, () => assert.ok(sameFormula(one, two) && sameFormula(two, one)))
}

for (const [one, two] of [
  ['x+1', 'x+2'], ['\\sqrt{x^2}', 'x'], ['\\frac{1}{0}', '0'], ['2', '2.0001'], ['x', 'y'], ['x^{12}', 'x^12'], ['\\sqrt{-1}', '\\sqrt{-1}'], ['1-(2-3)', '1-2-3'], ['200!', '201!'],
  // Not arithmetic: pairs, words with what is no letter, half a formula, nothing.
  ['(3,4)', '(3,4)'], ['\\{1,2\\}', '\\{1,2\\}'], ['x=5', 'x=5'], ['\\frac{1', '\\frac{1'], ['2+', '2'], ['', ''], ['(1]', '1'], ['\\alpha', '\\alpha'],
] as const) {
  test(`${one} is not ${two}`, () => assert.ok(!sameFormula(one, two) && !sameFormula(two, one)))
}

test('sums of fractions, written out, are their value; another value is not', () => {
  const part = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 30 }))
  fc.assert(fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
    const text = parts.map(([above, below]) => `${above < 0 ? '-' : '+'}\\frac{${Math.abs(above)}}{${below}}`).join('')
    const value = parts.reduce((sum, [above, below]) => sum + above / below, 0)
    assert.ok(sameFormula(text, value.toFixed(15)))
    assert.ok(!sameFormula(text, (value + 0.001).toFixed(15)))
  }))
})

test('what no answer looks like is not read: long, deep', () => {
  assert.ok(!sameFormula('1'.repeat(600), '1'.repeat(600)))
  assert.ok(!sameFormula('('.repeat(400), '1'))
})
