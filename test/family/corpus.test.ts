// The pre-training text: the shares of its kinds, that what it says is true, and that a seed fixes it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpus, labelledCorpus, MIXTURE } from '../../family/index.js'
import { assertClose } from '../close.js'
import { equationsOf, followRequest, followStory, followWords, rewrite } from './answers.js'

const documents = 20_000
const labelled = [...labelledCorpus({ documents, seed: 5 })]
const textsOf = (kind: string) => labelled.filter((document) => document.kind === kind).map(({ text }) => text)

test('the shares of the kinds are those of the recipe within four standard errors', () => {
  const recipe = {
    counting: 0.04,
    chain: 0.14,
    'number story': 0.2,
    story: 0.06,
    misc: 0.06,
    'word list': 0.32,
    code: 0.18,
  }
  assert.deepEqual(
    MIXTURE.map(({ name }) => name),
    Object.keys(recipe),
  )
  for (const [kind, weight] of Object.entries(recipe)) {
    const share = textsOf(kind).length / documents
    assertClose(
      share,
      weight,
      { tolerance: 4 * Math.sqrt((weight * (1 - weight)) / documents) },
      `${kind}: ${share} for ${weight}`,
    )
  }
})

test('a seed fixes the text, more documents begin with the same, another seed differs', () => {
  const few = [...corpus({ documents: 50, seed: 5 })]
  assert.deepEqual(
    few,
    labelled.slice(0, 50).map(({ text }) => text),
  )
  assert.notDeepEqual([...corpus({ documents: 50, seed: 6 })], few)
})

test('counting keeps one distance', () => {
  for (const text of textsOf('counting')) {
    const numbers = text.split(' ').map(Number)
    const distances = new Set(numbers.slice(1).map((number, index) => number - numbers[index]!))
    assert.ok(
      numbers.length >= 5 &&
        distances.size === 1 &&
        !distances.has(0) &&
        numbers.every((number) => number >= 0 && number < 100),
      text,
    )
  }
})

test('every equation is true, with operand 2…19 and result 1…75', () => {
  for (const text of [...textsOf('chain'), ...textsOf('number story')]) {
    const equations = equationsOf(text)
    assert.ok(equations.length > 0, text)
    for (const [left, change, result] of equations) {
      assert.equal(left! + change!, result, text)
      assert.ok(Math.abs(change!) >= 2 && Math.abs(change!) <= 19 && result! >= 1 && result! <= 75, text)
    }
  }
})

test('number stories end with what was told', () => {
  for (const text of textsOf('number story')) {
    const [told] = text.split('. ')
    const [, name, end] = /([A-Z][a-z]+) has (\d+) [a-z]+\.$/.exec(text) ?? []
    assert.equal(followStory(told!), Number(end), text)
    assert.equal(equationsOf(text).at(-1)?.[2], Number(end), text)
    assert.ok(text.startsWith(`${name} had `), text)
  }
})

test('word lists do what each operation says', () => {
  for (const text of textsOf('word list')) {
    const [, list, rest] = /^the list ([a-z ]+) : (.+)\.$/.exec(text) ?? []
    for (const part of rest!.split(', ')) {
      const operation = [
        'backwards',
        'in capitals',
        'twice',
        'the first',
        'the last',
        'in order',
        'the count',
        'again',
      ].find((name) => part.startsWith(name))
      assert.ok(operation, text)
      assert.equal(part.slice(operation.length + 1), followRequest(operation, list!), text)
    }
  }
})

test('code computes what its comment says', () => {
  for (const text of textsOf('code')) {
    const [, variable, words, expression] = /^# ([xs]) (.+)\n[yt] = (.+)$/.exec(text) ?? []
    for (const value of variable === 'x' ? [-3, 0, 1, 7] : ['abc', 'xy'])
      assert.equal(rewrite(expression!, value), followWords(words!, value), text)
  }
})

test('misc documents repeat their words after another head', () => {
  for (const text of textsOf('misc')) {
    const [, first, words, second, again] = /^(\w+): (.+)\.[ \n](\w+): (.+)\.$/.exec(text) ?? []
    assert.equal(words, again, text)
    assert.notEqual(first, second, text)
  }
})
