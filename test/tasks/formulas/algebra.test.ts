// Answers in LaTeX that are the same number or formula, those that are not, and those that are not arithmetic.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sameFormula } from '../../../src/tasks/formulas/algebra.js'
import {
  type Complex,
  complexOf,
  divide,
  elementary,
  factorial,
  multiply,
  power,
  size,
  subtract,
} from '../../../src/tasks/formulas/complex.js'

const { acos, acosh, asin, asinh, atan, atanh, cos, cosh, exp, log, sin, sinh, tan, tanh } = elementary

for (const [one, two] of [
  ['\\frac{1}{2}', '0.5'],
  ['-\\frac{3}{4}', '\\frac{-3}{4}'],
  ['\\dfrac12', '0.5'],
  ['3/4', '0.75'],
  ['1,234.5', '1234.5'],
  ['2\\sqrt{4}', '4'],
  ['\\frac{\\sqrt{3}}{3}', '\\frac{1}{\\sqrt{3}}'],
  ['\\sqrt[3]{-8}', '(-8)^{1/3}'],
  ['2^{10}', '1024'],
  ['2^{-3}', '\\frac{1}{8}'],
  ['-2^2', '-4'],
  ['5!', '120'],
  ['2\\pi', '\\pi\\cdot2'],
  ['x+1', '1+x'],
  ['(x-1)(x+1)', 'x^2-1'],
  ['\\frac{(n+1)n}{2}', '\\frac{n^2+n}{2}'],
  ['2xy', 'yx\\times2'],
  ['x_1-x_{2}', '-x_{2}+x_1'],
  ['\\sin^2x+\\cos^2x', '1'],
  ['\\left(\\frac{a}{b}\\right)^2', 'a^2/b^2'],
  ['|x|', '|-x|'],
  ['\\log10', '\\ln10'],
  ['\\lg10', '1'],
  ['a-b-c', 'a-(b+c)'],
  ['8/4/2', '1'],
  ['x^{12}', 'x^{6}x^6'],
  ['x^12', 'x^{12}'],
  ['\\ln x', '\\frac{\\log x}{\\log\\exp1}'],
  ['\\binom{5}{2}', '10'],
  ['\\log_28', '3'],
  ['\\sin2x', '2\\sin x\\cos x'],
  ['\\tan^{-1}x', '\\arctan(x)'],
  ['\\int_0^1xdx', '\\frac12'],
  ['\\int_1^2\\frac{dx}{x}', '\\ln2'],
  ['\\lim_{x\\to0}\\frac{\\sin x}{x}', '1'],
  ['\\lim_{n\\to\\infty}\\frac{2n+1}{n}', '2'],
  ['\\sum_{k=1}^{10}k', '55'],
  ['\\prod_{k=1}^{4}k', '4!'],
  ['\\frac{d}{dx}x^2', '2x'],
  ['\\binom{n}{k}', '\\frac{n!}{k!(n-k)!}'],
  ['\\lfloor-2.5\\rfloor', '-3'],
  ['1/2x', '\\frac{1}{2x}'],
  ['\\theta+\\theta', '2\\theta'],
  ['f(x)', 'f\\left(x\\right)'],
  ['\\sqrt{-4}', '2\\sqrt{-1}'],
] as const) {
  test(`${one} is ${two}`, () => assert.ok(sameFormula(one, two) && sameFormula(two, one)))
}

for (const [one, two] of [
  ['x+1', 'x+2'],
  ['\\sqrt{x^2}', 'x'],
  ['\\frac{1}{0}', '0'],
  ['2', '2.0001'],
  ['x', 'y'],
  ['\\sqrt[3]{-8}', '-2'],
  ['|x|', '\\sqrt{x^2}'],
  ['\\ln xy', '\\ln x+\\ln y'],
  ['x(x+1)', 'x^2+x'],
  ['2\\pi', '6.283185307179586'],
  ['\\frac13', '0.333333333333333'],
  ['.5', '0.5'],
  ['0.1+0.2', '0.3'],
  ['10\\%', '10'],
  ['\\lim_{x\\to0}\\frac1x', '0'],
  ['\\infty', '\\infty'],
  ['\\sum_{i=1}^{9}\\sum_{k=1}^{9}k', '405'],
  ['1-(2-3)', '1-2-3'],
  ['200!', '201!'],
  // Not arithmetic: pairs, words with what is no letter, half a formula, nothing.
  ['(3,4)', '(3,4)'],
  ['\\{1,2\\}', '\\{1,2\\}'],
  ['x=5', 'x=5'],
  ['\\frac{1', '\\frac{1'],
  ['2+', '2'],
  ['', ''],
  ['(1]', '1'],
  ['3,4', '3'],
  ['5)', '5'],
] as const) {
  test(`${one} is not ${two}`, () => assert.ok(!sameFormula(one, two) && !sameFormula(two, one)))
}

test('sums of fractions are one fraction; another is not', () => {
  const part = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 30 }))
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      const text = parts
        .map(([above, below]) => `${above < 0 ? '-' : '+'}\\frac{${Math.abs(above)}}{${below}}`)
        .join('')
      const below = parts.reduce((product, [, each]) => product * each, 1)
      const above = parts.reduce((sum, [each, own]) => sum + each * (below / own), 0)
      assert.ok(sameFormula(text, `\\frac{${above}}{${below}}`))
      assert.ok(!sameFormula(text, `\\frac{${above + 1}}{${below}}`))
    }),
  )
})

test('gamma, arcs and powers at complex values, against their defining equations', () => {
  const z: Complex = [0.4, 1.3]
  const near = (a: Complex, b: Complex) =>
    assert.ok(size(subtract(a, b)) < 1e-12 * Math.max(1, size(b)), `${a} is not ${b}`)
  near(factorial(z), multiply(z, factorial(subtract(z, complexOf(1)))))
  near(factorial([-1.5, 0.2]), divide(factorial([-0.5, 0.2]), [-0.5, 0.2]))
  near(factorial(complexOf(0.5)), complexOf(Math.sqrt(Math.PI) / 2))
  for (const [there, back] of [
    [asin, sin],
    [acos, cos],
    [atan, tan],
    [asinh, sinh],
    [acosh, cosh],
    [atanh, tanh],
    [log, exp],
  ])
    near(back!(there!(z)), z)
  near(power(power(z, complexOf(1 / 3)), complexOf(3)), z)
})

test('what no answer looks like is not read: long, deep', () => {
  assert.ok(!sameFormula('1'.repeat(600), '1'.repeat(600)))
  assert.ok(!sameFormula('('.repeat(400), '1'))
})
