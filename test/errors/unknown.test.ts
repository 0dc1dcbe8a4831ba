// Hints for unknown words: only close ones are suggested, and the answers to words of other tools name what there is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import yargs, { type Argv, type CommandModule } from 'yargs'
import { COMMANDS } from '../../src/cli/overview.js'
import { takenBy } from '../../src/cli/usage.js'
import { HABITS } from '../../src/errors/habits.js'
import { answerTo, firstFew, nearest, unknown } from '../../src/errors/index.js'
import { methods } from '../../src/merge/index.js'
import { BUILT_IN } from '../../src/registry/index.js'

const commands = COMMANDS.map(([name]) => name)
const answers = HABITS.flatMap(([, habits]) => habits.map(([, answer]) => answer))

test('a slip is at most two letters of five, the same letters in another order, or a part of the word', () => {
  const words = ['dare', 'sweep', 'edit', 'version', 'sce', 'drop_rate', 'multislerp', 'ties', 'model', 'json']
  const near: [given: string, word: string | undefined][] = [
    ['swep', 'sweep'],
    ['sweeep', 'sweep'],
    ['tise', 'ties'],
    ['tis', 'ties'],
    ['multi', 'multislerp'],
    ['rate', 'drop_rate'],
    ['dear', 'dare'],
    ['modle', 'model'],
    ['jsn', 'json'],
    ['drop', 'drop_rate'],
    ['--drop-rate', 'drop_rate'],
    ['DropRate', 'drop_rate'],
    ['help', undefined],
    ['diff', undefined],
    ['density', undefined],
    ['svd', undefined],
    ['karcher', undefined],
    ['', undefined],
  ]
  assert.deepEqual(
    near.map(([given]) => [given, nearest(given, words)]),
    near,
  )
})

test('a guess comes with the list, an answer stands alone', () => {
  const of = (kind: string, word: string, ...known: string[]) => unknown(kind, word, known).message
  assert.equal(of('editor', 'dar', 'dare', 'expo'), 'unknown editor "dar"; did you mean "dare"? Known: dare, expo')
  assert.equal(of('editor', 'karcher', 'dare'), 'unknown editor "karcher"; known: dare')
  assert.equal(of('tensor', 'x'), 'unknown tensor "x"; none is known')
  assert.equal(
    of('merger', 'moe', 'ties'),
    'unknown merger "moe"; mergekit\'s moe builds a mixture of experts; deltalab merges weights only',
  )
})

test('an answer that begins with an option is for the commands that have it', () => {
  assert.equal(answerTo('option', 'max_rank', ['rank']), '--rank is the number of singular values that are kept')
  assert.equal(answerTo('option', 'max_rank', ['seed']), undefined)
  assert.match(answerTo('option', 'density', ['drop']) ?? '', /^--drop /)
  assert.match(answerTo('option', 'density', ['seed']) ?? '', /in the merge file$/)
})

test('what the answers name is there: commands, options, editors, mergers and methods', async () => {
  const options = new Set<string>()
  for (const name of commands) {
    const { command, builder } = (await import(`../../src/cli/commands/${name}.js`)) as CommandModule
    const declare = (own: Argv) => {
      for (const option of takenBy((builder as (cli: Argv) => Argv)(own)).options) options.add(option)
      return own
    }
    await yargs()
      .command(String(command), 'a command', declare, () => {})
      .parseAsync([name, '--help'], {}, () => {})
  }
  for (const option of ['quiet', 'verbose', 'debug', 'no-rescale']) options.add(option)
  const methodsAndMergers = [...BUILT_IN.mergers, ...methods].map(({ name }) => name)
  const editors = BUILT_IN.editors.map(({ name }) => name)
  for (const answer of answers) {
    for (const [, name] of answer.matchAll(/deltalab ([a-z]+)\b(?= [<-]| \(|;|,|$)/g))
      assert.ok(commands.includes(name!) || ['merges', 'uploads', 'wrote'].includes(name!), answer)
    for (const [, name] of answer.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g))
      assert.ok(options.has(name!), `${answer}: ${name}`)
    for (const [, name] of answer.matchAll(/(?:--editor|the editor) (?!names)([a-z_]+)/g))
      assert.ok(editors.includes(name!), answer)
    for (const [, name] of answer.matchAll(/the merger ([a-z_]+)/g))
      assert.ok(methodsAndMergers.includes(name!), answer)
  }
})

test('no word of a table is one that deltalab has itself', () => {
  const own: Record<string, readonly string[]> = {
    command: commands,
    editor: BUILT_IN.editors.map(({ name }) => name),
    merger: BUILT_IN.mergers.map(({ name }) => name),
    merge_method: methods.map(({ name }) => name),
  }
  for (const [kind, habits] of HABITS)
    for (const word of habits.flatMap(([words]) => words.split(' ')))
      assert.ok(!own[kind]?.includes(word.replaceAll('-', '_')), `${kind} ${word}`)
})

test('of a long list the first are named, and the others counted', () => {
  assert.equal(firstFew(['a', 'b'], 2), 'a, b')
  assert.equal(firstFew(['a', 'b', 'c'], 2), 'a, b and 1 more')
  assert.equal(firstFew(['a', 'b', 'c', 'd'], 2, '; '), 'a; b; and 2 more')
})
