// The words of a command line as values, and what is said of words that do not fit.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWords } from '../../src/cli/parse-words.js'
import { Syntax } from '../../src/cli/syntax.js'

const syntax = new Syntax()
  .positional('file', { type: 'string', demandOption: true, describe: '' })
  .option('drop-rate', { type: 'number', alias: 'drop', describe: '' })
  .option('k', { type: 'number', describe: '' })
  .option('rescale', { type: 'boolean', describe: '' })
  .option('dry-run', { type: 'boolean', default: false, describe: '' })
  .option('include', { type: 'string', array: true, default: [] as string[], describe: '' })
  .option('tasks', { type: 'string', array: true, greedy: true, describe: '' })
  .option('dtype', { choices: ['f32', 'bf16'] as const, default: 'f32' as const, describe: '' })
  .option('out', { type: 'string', describe: '' })
  .conflicts('dry-run', 'out')

const parse = (line: string) => parseWords(syntax, line === '' ? [] : line.split(' '), 'merge <file>')
const preset = { dryRun: false, include: [], dtype: 'f32' }

test('values are typed, and named in camel case', () => {
  assert.deepEqual(parse('a.yml'), { ...preset, file: 'a.yml' })
  assert.deepEqual(parse('--drop .5 a.yml -k -1 --dry-run'), {
    ...preset,
    file: 'a.yml',
    dropRate: 0.5,
    k: -1,
    dryRun: true,
  })
  assert.deepEqual(parse('a.yml --dropRate=1e-3 -k=2'), { ...preset, file: 'a.yml', dropRate: 1e-3, k: 2 })
  assert.deepEqual(parse('a.yml --out= --dtype bf16'), { ...preset, file: 'a.yml', out: '', dtype: 'bf16' })
  assert.deepEqual(parse('a.yml --out=x=y'), { ...preset, file: 'a.yml', out: 'x=y' })
})

test('a switch is on, off, or followed by true or false; the last one counts', () => {
  for (const [words, rescale] of [
    ['--rescale', true],
    ['--no-rescale', false],
    ['--rescale false', false],
    ['--rescale=true', true],
    ['--rescale --no-rescale', false],
  ] as const)
    assert.deepEqual(parse(`${words} a.yml`), { ...preset, file: 'a.yml', rescale })
})

test('a list takes one value each time, a greedy one all words up to the next option', () => {
  assert.deepEqual(parse('--include a --include=b c'), { ...preset, file: 'c', include: ['a', 'b'] })
  assert.deepEqual(parse('c --tasks a b -k 1 --tasks d'), { ...preset, file: 'c', tasks: ['a', 'b', 'd'], k: 1 })
})

test('words after -- are arguments', () => {
  assert.deepEqual(parse('-- --out'), { ...preset, file: '--out' })
})

test('what does not fit is said in one line', () => {
  for (const [words, message] of [
    ['', 'an argument is missing; usage: deltalab merge <file>'],
    ['a b', 'merge does not take the argument "b"'],
    ['a --drop', '--drop needs a value'],
    ['a --out --dry-run', '--out needs a value'],
    ['a --drop=', '--drop is empty; it must be a number'],
    ['a -k two', '-k must be a number; got "two"'],
    ['a --dtype f8', '--dtype must be one of f32, bf16; got "f8"'],
    ['a --rescale=yes', '--rescale must be true or false; got "yes"'],
    ['a --out b --out c', '--out is given twice'],
    ['a --out b --dry-run', '--dry-run and --out cannot be given together'],
    ['a -x', 'unknown option -x'],
  ] as const)
    assert.throws(() => parse(words), { message, exitCode: 2 })
  assert.throws(() => parse('a --inclde b'), /unknown option "--inclde"; did you mean "--include"\?/)
  const required = new Syntax().option('task', { type: 'string', demandOption: true, describe: '' })
  assert.throws(() => parseWords(required, [], 'eval'), { message: '--task must be given; usage: deltalab eval' })
})
