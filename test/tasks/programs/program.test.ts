// The interpreter of the tiny code language: hand-worked values, refusals, and that nothing makes it throw or grow.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runProgram } from '../../../src/tasks/programs/program.js'

for (const [program, value] of [
  [' return x*9+2', 29],
  ['return (x-2)*2+8', 10],
  ['return x-2*3', -3], // products first
  ['return x-2-3', -2], // from the left
  ['return -x*-2', 6],
  ['return ((x))', 3],
  ['return 2 * ( x + 1 ) ', 8],
  ['return 0*-1', 0],
  ['return s', 'abc'],
  ['return s*2', 'abcabc'],
  ['return 2*s', 'abcabc'],
  ['return s*0', ''],
  ['return s*-1', ''],
  ['return (s*2)[::-1]', 'cbacba'],
  ['return s[::-1]*2', 'cbacba'],
  ['return s.upper()[-1]', 'C'],
  ['return s[0].upper()', 'A'],
  ['return s+s[0]', 'abca'],
] as const) {
  test(`"${program}" is ${JSON.stringify(value)}`, () => assert.equal(runProgram(program, { x: 3, s: 'abc' }), value))
}

for (const program of [
  '',
  'return',
  'x',
  'x*2',
  'returnx',
  'return x x',
  'return x 2',
  'return 2x',
  'return x2',
  'return x**2',
  'return x/2',
  'return x,2',
  'return 007',
  'return 1.5',
  'return 1e3',
  'return (x',
  'return x)',
  'return ()',
  'return +',
  'return x*',
  'return +x',
  'return y',
  'return "a"',
  'return s-s',
  'return s*s',
  'return x+s',
  'return -s',
  'return x[0]',
  'return x.upper()',
  'return s[1]',
  'return (s*0)[0]',
  'return s.lower()',
  'return s.upper',
  'return s.upper ()',
  'return s.constructor',
  'return constructor',
  'return __proto__',
  'return toString',
  'return process',
  'return x\nx',
  'return x #',
  'return x; x',
  'return s*999999999',
  'return s*334',
  'return 999999999*999999999',
  'return 9999999999999999',
  `return ${'('.repeat(150)}x`,
  `return ${'('.repeat(2000)}x${')'.repeat(2000)}`,
  `return ${'-'.repeat(5000)}x`,
]) {
  test(`${JSON.stringify(program.slice(0, 60))} has no value`, () =>
    assert.equal(runProgram(program, { x: 3, s: 'abc' }), undefined))
}

test('the longest string is 1000 characters', () => {
  assert.equal(runProgram('return s*333', { s: 'abc' }), 'abc'.repeat(333))
  assert.equal(runProgram('return ((s*333)*333)*333', { s: 'abc' }), undefined)
})

const piece = fc.constantFrom(
  'return',
  ' ',
  'x',
  's',
  '(',
  ')',
  '+',
  '-',
  '*',
  '[::-1]',
  '.upper()',
  '[0]',
  '[-1]',
  '0',
  '2',
  '9',
  '99999',
  '\n',
  '[',
  'ß',
  '😀',
)

test('any text has a bounded value or none, and never throws', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.array(piece, { maxLength: 60 }).map((pieces) => `return ${pieces.join('')}`),
  )
  fc.assert(
    fc.property(text, fc.string({ unit: 'binary', maxLength: 20 }), fc.integer(), (program, s, x) => {
      const value = runProgram(program, { x, s })
      if (typeof value === 'number') assert.ok(Number.isSafeInteger(value) && !Object.is(value, -0))
      else if (typeof value === 'string') assert.ok(value.length <= 1000)
      else assert.equal(value, undefined)
    }),
    { numRuns: 5000 },
  )
})

// A tree of sums whose value is worked out while it is written: the parser must agree on grouping and precedence.
const { sum } = fc.letrec<{ sum: [string, bigint] }>((tie) => ({
  sum: fc.oneof(
    { depthSize: 'small' },
    fc.nat({ max: 9 }).map((digit): [string, bigint] => [String(digit), BigInt(digit)]),
    fc.tuple(tie('sum'), tie('sum')).map(([[a, m], [b, n]]): [string, bigint] => [`(${a}+${b})`, m + n]),
    fc.tuple(tie('sum'), tie('sum')).map(([[a, m], [b, n]]): [string, bigint] => [`(${a})-(${b})`, m - n]),
    fc.tuple(tie('sum'), tie('sum')).map(([[a, m], [b, n]]): [string, bigint] => [`(${a})*(${b})`, m * n]),
  ),
}))

test('sums have the value that they were written from', () => {
  fc.assert(
    fc.property(sum, ([text, value]) => {
      const program = `return ${text}`
      if (program.length <= 200) assert.equal(runProgram(program, {}), Number(value))
    }),
  )
})
