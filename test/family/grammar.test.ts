// The encoder tasks: labels worked out again from the words alone, splits, vocabulary, and the files that ship.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { documentsOf, ENCODER_TASKS, toldOf, writeEncoderData, writeEncoderTasks } from '../../family/index.js'
import { loadTokenizer } from '../../src/tokenizer/index.js'
import { assertClose } from '../close.js'
import { parse, review } from './parse.js'

const told = (name: string, count = 1500, split: 'train' | 'test' = 'train', seed = 5) =>
  toldOf(ENCODER_TASKS.find((task) => task.name === name)!, { count, seed, split })

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'grammar-'))
})
after(() => rmSync(folder, { recursive: true }))

test('acceptability: what can be parsed is a sentence', () => {
  for (const { text, label } of told('acceptability')) assert.equal(Number(parse(text) !== null), label, text)
})

test('sentiment: the main clause decides, negations turn it round', () => {
  for (const { text, label } of told('sentiment')) assert.equal(Number(review(text)), label, text)
})

const PARTS = ['subject', 'subjectAdjective', 'verb', 'object', 'place'] as const

test('documents: what is said of five parts is so', () => {
  const seen = { same: 0, other: 0 }
  for (const { text, pair } of documentsOf({ count: 4000, seed: 5 })) {
    const [, marks, second] = /^((?:same |other ){5}): (.*)$/.exec(pair ?? '') ?? []
    if (!marks) continue
    const [one, two] = [parse(text)!, parse(second!)!]
    assert.notEqual(text, second)
    const expected = PARTS.map((part) => (one[part] === two[part] ? 'same' : 'other'))
    assert.deepEqual(marks.trim().split(' '), expected, `${text} | ${second}`)
    for (const mark of expected) seen[mark as keyof typeof seen]++
  }
  assert.ok(seen.same > 3000 && seen.other > 1500, JSON.stringify(seen))
})

const KIND_WORDS = ['animal', 'person', 'vehicle', 'plant', 'tool']

test('entailment: less follows, more is left open, a negation or an opposite is ruled out', () => {
  const opposites = [
    ['big', 'small'],
    ['fast', 'slow'],
    ['young', 'old'],
    ['clean', 'dirty'],
    ['loud', 'quiet'],
  ]
  const kinds: Record<string, string> = {
    ...Object.fromEntries('dog cat horse cow bird'.split(' ').map((word) => [word, 'animal'])),
    ...Object.fromEntries('boy girl teacher doctor farmer'.split(' ').map((word) => [word, 'person'])),
    ...Object.fromEntries('car bus truck bike boat'.split(' ').map((word) => [word, 'vehicle'])),
    ...Object.fromEntries('tree rose bush fern vine'.split(' ').map((word) => [word, 'plant'])),
    ...Object.fromEntries('hammer saw spade rake drill'.split(' ').map((word) => [word, 'tool'])),
  }
  /** Whether a part of the first says as much as that of the second. */
  const covers = (one: string, two: string) =>
    two === '' || one === two || (KIND_WORDS.includes(two) && kinds[one] === two)
  for (const { text, pair, label } of told('entailment')) {
    const [first, second] = [parse(text)!, parse(pair!)!]
    const parts = ['subject', 'subjectAdjective', 'verb', 'object', 'objectAdjective', 'place', 'time'] as const
    const follows = parts.every((part) => covers(first[part], second[part]))
    const opposed = opposites.some(
      (two) =>
        two.includes(first.subjectAdjective) &&
        two.includes(second.subjectAdjective) &&
        first.subjectAdjective !== second.subjectAdjective,
    )
    const expected = second.negated || opposed ? 2 : follows ? 0 : 1
    assert.equal(expected, label, `${text} | ${pair}`)
  }
})

test('similarity: how many of five parts agree', () => {
  for (const { text, pair, label } of told('similarity')) {
    const [first, second] = [parse(text)!, parse(pair!)!]
    assert.equal(PARTS.filter((part) => first[part] === second[part]).length, label, `${text} | ${pair}`)
  }
})

for (const { name, labels } of ENCODER_TASKS) {
  test(`${name}: held-out texts are different and none is a training text; classes are even; a seed fixes them`, () => {
    const held = told(name, 512, 'test', 0)
    const words = held.map(({ text, pair }) => `${text}|${pair}`)
    assert.equal(new Set(words).size, 512)
    const train = new Set(told(name, 12_000, 'train', 1).map(({ text, pair }) => `${text}|${pair}`))
    assert.ok(words.every((each) => !train.has(each)))
    const classes = labels === 1 ? 6 : labels
    for (let label = 0; label < classes; label++) {
      const share = held.filter((each) => each.label === label).length / 512
      assertClose(share * classes, 1, { tolerance: 4.5 * Math.sqrt((classes - 1) / 512) }, `${label}: ${share}`)
    }
    assert.deepEqual(told(name, 20, 'train', 3), told(name, 30, 'train', 3).slice(0, 20))
    assert.notDeepEqual(told(name, 20, 'train', 3), told(name, 20, 'train', 4))
  })
}

test('WordPiece: every word of documents and tasks is one token; a pair is [CLS] text [SEP] pair [SEP] and fits the model', async () => {
  writeEncoderData(folder, { seed: 1, documents: 10, trainItems: 10 })
  const tokenizer = await loadTokenizer(join(folder, 'wordpiece'))
  const texts = [
    ...documentsOf({ count: 2000, seed: 9 }),
    ...ENCODER_TASKS.flatMap(({ name }) => told(name, 300, 'test')),
  ]
  const encoded = await tokenizer.encodePairs(texts)
  for (const [i, { text, pair }] of texts.entries()) {
    const { ids, types } = encoded[i]!
    const [one, two] = [text.split(' ').length, pair === undefined ? 0 : pair.split(' ').length + 1]
    assert.equal(ids.length, one + two + 2, `${text} ${pair}`)
    assert.ok(ids.length <= 64 && !ids.includes(1), text)
    assert.equal(types.filter((type) => type === 1).length, two)
  }
  assert.equal(tokenizer.vocabulary, 294)
  assert.ok((await tokenizer.encode(['zebra']))[0]!.length > 1, 'other words fall apart into letters')
})

test('byte-level: a word is one token, a pair is <s> text </s></s> pair </s> in one segment, and any text comes back', async () => {
  writeEncoderData(folder, { seed: 1, documents: 10, trainItems: 10 })
  const tokenizer = await loadTokenizer(join(folder, 'byte-level'))
  const texts = [
    ...documentsOf({ count: 2000, seed: 9 }),
    ...ENCODER_TASKS.flatMap(({ name }) => told(name, 300, 'test')),
  ]
  const encoded = await tokenizer.encodePairs(texts)
  for (const [i, { text, pair }] of texts.entries()) {
    const { ids, types } = encoded[i]!
    const one = text.split(' ').length
    assert.deepEqual([ids[0], ids[one + 1], ids.at(-1)], [0, 2, 2])
    assert.equal(ids.length, one + 2 + (pair === undefined ? 0 : pair.split(' ').length + 2), `${text} ${pair}`)
    assert.ok(ids.length <= 64 && types.every((type) => type === 0), text)
  }
  assert.deepEqual([tokenizer.pad, tokenizer.eos, tokenizer.mask, tokenizer.vocabulary], [1, 2, 477, 478])
  for (const text of ['zebra', 'naïve café ~ 1 + 2', '日本']) {
    const [ids] = await tokenizer.encode([text])
    assert.equal(tokenizer.decode(ids!).trim(), text)
    assert.ok(!ids!.includes(3), 'nothing is unknown')
  }
})

test('the encoder tasks that ship are the ones that the code writes', () => {
  const own = join(folder, 'tasks')
  writeEncoderTasks(own)
  const files = readdirSync(own)
  assert.equal(files.length, 8)
  for (const name of files)
    assert.equal(readFileSync(join('checkpoints', 'tasks', name), 'utf8'), readFileSync(join(own, name), 'utf8'), name)
})
