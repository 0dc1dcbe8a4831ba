// Texts as tasks: what is read from which file, what is refused in one line, and which run is which.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UserError } from '../../src/errors/index.js'
import { fitTask, scoreReplies } from '../../src/evaluate/index.js'
import { rollingWindows, slidingWindows } from '../../src/evaluate/windows.js'
import {
  identifyTask,
  loadTask,
  sectionWord,
  settingsOfTask,
  type TaskSection,
  type TextTask,
  taskWords,
} from '../../src/tasks/index.js'
import { wordCount } from '../../src/tasks/scoring/text.js'
import { startHub } from '../hub/loopback.js'
import { openFixture } from '../models/fixture.js'
import { idTokenizer } from '../tokenizer/ids.js'

const folder = mkdtempSync(join(tmpdir(), 'texts-'))
after(() => rmSync(folder, { recursive: true }))
const put = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const textsOf = async (text: string, more: Partial<TaskSection> = {}) =>
  (await loadTask({ text, ...more })).items.map(({ target }) => target)

test('sliding windows score each token but the first once, after all that the window has before it', () => {
  const ids = [0, 1, 2, 3, 4, 5, 6]
  const shown = (length: number, stride: number) =>
    slidingWindows(ids, { length, stride }).map(({ ids: own, unscored }) => [own[0], own.slice(unscored)])
  assert.deepEqual(shown(4, 2), [
    [0, [1, 2, 3]],
    [2, [4, 5]],
    [4, [6]],
  ])
  // Without overlap the first of each window has nothing before it; a last one of a single token scores nothing.
  assert.deepEqual(shown(3, 3), [
    [0, [1, 2]],
    [3, [4, 5]],
  ])
  assert.deepEqual(slidingWindows([7], { length: 4, stride: 2 }), [])
  assert.deepEqual(slidingWindows([7, 8], { length: 4, stride: 4 }, 0), [{ ids: [7, 8], unscored: 0 }])
})

test('rolling windows score every token; the last has as much before it as there is room for', () => {
  assert.deepEqual(rollingWindows([1, 2, 3, 4, 5, 6, 7], 3, 0), [
    { ids: [0, 1, 2, 3], unscored: 1 },
    { ids: [3, 4, 5, 6], unscored: 1 },
    { ids: [4, 5, 6, 7], unscored: 3 },
  ])
  assert.deepEqual(rollingWindows([], 3, 0), [])
})

test('words are those between the spaces that Python knows', () => {
  assert.deepEqual(['', 'one', ' one ', 'a\x1cb\x85c\ufeffd'].map(wordCount), [1, 1, 3, 3])
})

test('texts are read from plain files, columns, lists and folders', async () => {
  assert.deepEqual(await textsOf(put('a.txt', 'one\ntwo')), ['one\ntwo'])
  assert.deepEqual(await textsOf(put('b.jsonl', '{"text":"x"}\n{"text":""}\n')), ['x', ''])
  assert.deepEqual(await textsOf(put('c.csv', 'id,my text\n1,"a, b"\n'), { column: 'my text' }), ['a, b'])
  for (const [name, rows] of [
    ['b.JSONL', '{"text":"x"}\n'],
    ['b.ndjson', '{"text":"x"}\n'],
    ['b.tsv', 'id\ttext\n1\tx\n'],
  ] as const)
    assert.deepEqual(await textsOf(put(name, rows)), ['x'], name)
  assert.deepEqual(await textsOf(put('d.json', '["x", {"text": "y"}]')), ['x', 'y'])
  assert.deepEqual(await textsOf(put('lines.json', '{"text":"x"}\n{"text":"y"}\n')), ['x', 'y'])
  mkdirSync(join(folder, 'f', 'sub'), { recursive: true })
  for (const name of ['f/b.txt', 'f/sub/c.md', 'f/a.txt', 'f/.hidden']) put(name, name)
  assert.deepEqual(await textsOf(join(folder, 'f')), ['f/a.txt', 'f/b.txt', 'f/sub/c.md'])
})

test('texts of a data set of the hub, and the pages of wikitext in its form', async () => {
  const page = ' = Du Fu = \n \n " Poet @-@ Historian " , 1 @,@ 200 . \n'
  const hub = await startHub({
    'datasets/org/notes': { 'data/test.jsonl': '{"body":"one"}\n{"body":""}\n', 'data/train.jsonl': '{"body":"x"}\n' },
    'datasets/EleutherAI/wikitext_document_level': {
      'wikitext-103-raw-v1/test.jsonl': '{"page":"x"}\n',
      'wikitext-2-raw-v1/test.jsonl': `${JSON.stringify({ page })}\n`,
      'wikitext-2-raw-v1/train.jsonl': '{"page":"x"}\n',
    },
  })
  const settings = { endpoint: hub.endpoint, cache: join(folder, 'cache'), offline: false }
  try {
    const notes = await loadTask({ text: 'hub:org/notes:test', column: 'body' }, { settings })
    assert.deepEqual([notes.name, ...notes.items.map(({ target }) => target)], ['notes', 'one', ''])
    const { items } = (await loadTask('wikitext', { settings })) as TextTask
    assert.deepEqual(
      items.map(({ target, counted }) => [target, counted]),
      [[' = Du Fu =\n\n"Poet-Historian", 1,200.\n', page]],
    )
    await assert.rejects(
      loadTask({ text: 'hub:org/notes:dev' }, { settings }),
      /no JSONL, CSV or Parquet file of the split dev/,
    )
  } finally {
    await hub.close()
  }
})

test('words and bytes of a text that is not held are those of its file', async () => {
  const file = put('counted.txt', 'naïve words of three')
  const task = (await loadTask({
    text: file,
    rolling: true,
    metric: ['byte_perplexity', 'word_perplexity'],
  })) as TextTask
  const unheld = { ...task, items: [{ ...task.items[0]!, target: '', file }] }
  for (const each of [task, unheld]) {
    const { score, others } = await scoreReplies(each, [[21, 5]])
    assert.deepEqual(
      [Math.log(score).toFixed(9), Math.log(others!.word_perplexity!).toFixed(9)],
      ['1.000000000', '5.250000000'],
    )
  }
})

test('what is no text is refused in one line that says what it is', async () => {
  mkdirSync(join(folder, 'none'))
  const cases: [string, Partial<TaskSection>, RegExp][] = [
    [put('e.txt', ''), {}, /is empty; a text is wanted$/],
    [put('n.txt', 'a\0b'), {}, /is binary; a text in UTF-8 is wanted$/],
    [put('p.txt', Buffer.from('\x89PNG\r\n\x1a\n\0', 'latin1')), {}, /is an image \(PNG\)/],
    [put('s.txt', Buffer.from('\x08\0\0\0\0\0\0\0{"a":1}', 'latin1')), {}, /is a safetensors file/],
    [put('u.txt', Buffer.from('\xff\xfeh\0', 'latin1')), {}, /is text in UTF-16; save it in UTF-8$/],
    [put('l.txt', Buffer.from('caf\xe9', 'latin1')), {}, /is not text in UTF-8$/],
    [put('q.jsonl', '{"body":"x","id":1}'), {}, /q\.jsonl:1: no column "text"; there are body, id/],
    [join(folder, 'q.jsonl'), { column: 'id' }, /:1: the column "id" holds a/],
    [
      put('o.json', '{\n  "text": "x"\n}'),
      {},
      /holds no list; a list of objects, or an object in each line, is wanted$/,
    ],
    [put('one.json', '["x", 1]'), {}, /one\.json: entry 2: a JSON object is wanted$/],
    [join(folder, 'a.txt'), { column: 'x' }, /is a plain text, and has no column "x"$/],
    [join(folder, 'none'), {}, /is a folder without files/],
    [join(folder, 'gone.txt'), {}, /no such file/],
    ['hub:org/name', {}, /are hub:org\/name:split/],
  ]
  for (const [text, more, pattern] of cases)
    await assert.rejects(
      async () => loadTask({ text, ...more }),
      (error) => error instanceof UserError && pattern.test(error.message),
      `${text} ${pattern}`,
    )
  await assert.rejects(async () => loadTask({ text: join(folder, 'a.txt'), metric: 'acc' }), /unknown metric "acc"/)
})

test('a section is known by its name, and all that changes what is measured is part of its run', async () => {
  const section = { text: '/data/my notes.txt', length: 64, metric: ['perplexity', 'kl'] }
  const word = sectionWord(section)
  assert.deepEqual(identifyTask(word), { name: 'my_notes', version: 1, kind: 'text', metric: 'perplexity' })
  assert.deepEqual(settingsOfTask(word), { settings: { length: 64, metric: ['perplexity', 'kl'] } })
  assert.equal(taskWords(word), 'my_notes')
  assert.deepEqual(settingsOfTask('math'), {})
  assert.equal(taskWords(sectionWord({ text: '/data/été (2) 東京.txt' })), 'été_2_東京')
  const task = await loadTask(sectionWord({ task: 'math', metric: ['final_number', 'kl'], name: 'far' }))
  assert.deepEqual([task.name, task.metric, task.others, task.kind], ['far', 'final_number', ['kl'], 'generate'])
  assert.equal(identifyTask('wikitext').kind, 'text')
  for (const [wrong, message] of [
    [{ text: 'a.txt', lenght: 64 }, /unknown key "lenght"; did you mean "length"/],
    [{ text: 'a.txt', task: 'math' }, /a task is either `text` or `task`/],
    [{}, /a task is either `text` or `task`/],
  ] as const)
    await assert.rejects(async () => loadTask(wrong as TaskSection), message)
})

test('words and bytes are of whole texts: for windows of one they are refused before anything is scored', async () => {
  const text = put('long.txt', 'w5 w6 w7 w8 w9 '.repeat(20))
  const reach = { ...(await openFixture('llama3')).model, positions: 16 }
  for (const metric of [['word_perplexity'], ['perplexity', 'bits_per_byte']])
    await assert.rejects(
      async () => fitTask(await loadTask({ text, metric }), idTokenizer, reach),
      /UserError: task long: (word_perplexity counts the words|bits_per_byte counts the bytes) of whole texts/,
    )
})

test('of a long text no more is read than its windows need, and how it goes on changes none of them', async () => {
  // A token is 105 letters, and its id their number: the first 1632 letters, which are looked at first, are 15 of them and 57 letters.
  const chunks = (text: string) => (text.match(/.{1,105}/gs) ?? []).map(({ length }) => length)
  const reader = { ...idTokenizer, encode: async (texts: readonly string[]) => texts.map(chunks) }
  const text = put('pieces.txt', 'x'.repeat(105 * 4000))
  const reach = { ...(await openFixture('llama3')).model, positions: 16, vocabulary: 200 }
  const { items } = (await fitTask(await loadTask({ text }), reader, reach, 1)) as TextTask
  assert.deepEqual(
    items.map(({ window }) => window!.ids),
    [Array(16).fill(105)],
  )
})

test('the standard error of a perplexity is that of a ratio of sums over texts', async () => {
  const texts = ['a', 'b', ''].map((target, i) => ({ id: String(i), prompt: '', target, fields: {} }))
  const task = { name: 't', version: 1, description: '', kind: 'text', metric: 'perplexity', maxNewTokens: 0 } as const
  const { score, errors } = await scoreReplies({ ...task, items: texts }, [
    [2, 2],
    [6, 3],
    [0, 0],
  ])
  assert.ok(Math.abs(score - Math.exp(8 / 5)) < 1e-12)
  // 2 and 6 nats less 1.6 for each token: −1.2 and 1.2. √(2/1 · 2.88) / 5, times the score.
  assert.ok(Math.abs(errors().perplexity! - 0.48 * Math.exp(1.6)) < 1e-12)
})
