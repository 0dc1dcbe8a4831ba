// What the main thread reads from the words of a command line: the command, and which flags are on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asksForWords, COMPLETE, commandAt, firstPhase, isOn, leavesWork } from '../../src/cli/words.js'

test('the command is the first word that is no option', () => {
  assert.equal(commandAt(['table', 'results/x']), 0)
  assert.equal(commandAt(['--quiet', '-h', 'table']), 2)
  assert.equal(commandAt(['--help']), -1)
})

test('a flag is on in each form that yargs reads as true', () => {
  for (const on of [['--quiet'], ['--quiet=true'], ['--quiet', 'true'], ['table', 'x', '--quiet', '--json']])
    assert.ok(isOn('quiet', on), on.join(' '))
  for (const off of [['--no-quiet'], ['--quiet=false'], ['--quiet', 'false'], ['--quieter'], ['quiet'], []])
    assert.ok(!isOn('quiet', off), off.join(' '))
})

test('help, the version and words for a shell are no work', () => {
  for (const asks of [[], ['--help'], ['merge', '-h'], ['help', 'merge'], ['--version'], [COMPLETE, 'deltalab', 'me']])
    assert.ok(asksForWords(asks), asks.join(' '))
  for (const works of [
    ['merge', 'x.yml'],
    ['merge', 'help'],
    ['eval', '--help', 'false'],
    ['eval', '--', '--help'],
  ])
    assert.ok(!asksForWords(works), works.join(' '))
})

test('a command that computes itself has a thread of its own', () => {
  for (const leaves of [
    ['apply', 'base', 'x.delta'],
    ['--quiet', 'inspect', 'a', 'b'],
    ['edit', 'base', 'post'],
    ['merge', 'x.yml'],
    ['editors'],
  ])
    assert.ok(leavesWork(leaves), leaves.join(' '))
  for (const computes of [['eval', 'apply', 'inspect'], ['sweep', 'x.yaml'], ['plot', 'x'], ['--quiet'], []])
    assert.ok(!leavesWork(computes), computes.join(' '))
})

test('the first phase has the name of the command, and is silent where nothing is shown', () => {
  assert.equal(firstPhase(['apply', 'base', 'x.delta']), 'deltalab apply')
  for (const silent of [
    ['apply', '--quiet'],
    ['--verbose', 'apply'],
  ])
    assert.equal(firstPhase(silent), null)
})
