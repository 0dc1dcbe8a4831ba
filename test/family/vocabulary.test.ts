// The family's tokenizer, loaded as a user would load it, and the files beside it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { corpus, itemsOf, SKILLS, writeFamilyData } from '../../family/index.js'
import { loadTokenizer } from '../../src/tokenizer/index.js'

const folder = mkdtempSync(join(tmpdir(), 'family-'))
after(() => rmSync(folder, { recursive: true }))
writeFamilyData(folder, { seed: 1, documents: 3000, trainItems: 200 })
const tokenizer = await loadTokenizer(folder)
const { model } = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as {
  model: { vocab: Record<string, number> }
}
const vocabulary = Object.entries(model.vocab)
  .sort(([, one], [, two]) => one - two)
  .map(([token]) => token)

test('409 tokens; end-of-text is 0 and also pads', () => {
  assert.deepEqual([tokenizer.vocabulary, vocabulary.length, tokenizer.eos, tokenizer.pad], [409, 409, 0, 0])
  assert.equal(vocabulary[0], '<|endoftext|>')
})

test('printable text and newlines come back as they were', async () => {
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
  const backOf = async (texts: string[]) => (await tokenizer.encode(texts)).map((ids) => tokenizer.decode(ids))
  assert.deepEqual(await backOf([...printable, '\n']), [...printable, '\n'])
  const text = fc.string({ unit: fc.constantFrom(...printable, '\n'), maxLength: 80 })
  // "<|endoftext|>" itself is the one text that becomes a special token; chance never writes it.
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 10, maxLength: 10 }), async (given) =>
      assert.deepEqual(await backOf(given), given),
    ),
    { numRuns: 50 },
  )
})

test('pieces are split in the order of the recipe', async () => {
  const pieces = async (text: string) => (await tokenizer.encode([text]))[0]!.map((id) => vocabulary[id])
  assert.deepEqual(await pieces(' return (s*2)[::-1]'), ['Ġreturn', 'Ġ(', 's', '*', '2', ')', '[::-1]'])
  assert.deepEqual(await pieces('s.upper()[0][-1]'), ['s', '.upper()', '[0]', '[-1]'])
  assert.deepEqual(await pieces(' 16-2=14 #### 29'), [
    'Ġ1',
    '6',
    '-',
    '2',
    '=',
    '1',
    '4',
    'Ġ#',
    '#',
    '#',
    '#',
    'Ġ2',
    '9',
  ])
  assert.deepEqual(await pieces('Bot: duck\nCode zebra'), [
    'Bot',
    ':',
    'Ġduck',
    'Ċ',
    'Code',
    'Ġ',
    'z',
    'e',
    'b',
    'r',
    'a',
  ])
})

test('a document has about 20 tokens with its end-of-text', async () => {
  const encoded = await tokenizer.encode([...corpus({ documents: 5000, seed: 2 })])
  const tokens = encoded.reduce((sum, ids) => sum + ids.length + 1, 0)
  assert.ok(tokens / 5000 > 20 && tokens / 5000 < 21, String(tokens / 5000))
})

test('every token of the skills is trained by at least 100 of 60,000 documents', async () => {
  const counts = new Uint32Array(409)
  for (const ids of await tokenizer.encode([...corpus({ documents: 60_000, seed: 3 })]))
    for (const id of new Set(ids)) counts[id]!++
  for (const skill of Object.values(SKILLS)) {
    const texts = itemsOf(skill, { count: 2000, seed: 0, split: 'train' }).map(({ prompt, target }) => prompt + target)
    for (const id of (await tokenizer.encode(texts)).flat())
      assert.ok(counts[id]! >= 100, `${vocabulary[id]}: ${counts[id]}`)
  }
})

for (const skill of Object.values(SKILLS)) {
  test(`${skill.name}: at most 52 tokens, answers within max_new_tokens, and prompt and target do not share a token`, async () => {
    for (const split of ['train', 'test'] as const) {
      for (const { prompt, target } of itemsOf(skill, { count: 512, seed: 0, split })) {
        const [asked, answer, whole] = await tokenizer.encode([prompt, target, prompt + target])
        assert.deepEqual(whole, [...asked!, ...answer!])
        assert.ok(whole.length + 1 <= 52 && answer!.length + 1 <= skill.maxNewTokens, prompt + target)
      }
    }
  })
}

test('the data files: one JSON object per line, the same bytes for the same seed', () => {
  const lines = (name: string) =>
    readFileSync(join(folder, name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    lines('corpus.jsonl').map(({ text }) => text),
    [...corpus({ documents: 3000, seed: 1 })],
  )
  for (const name of Object.keys(SKILLS)) {
    const items = lines(`${name}.train.jsonl`)
    assert.equal(items.length, 200)
    assert.deepEqual(Object.keys(items[0]!).slice(0, 3), ['id', 'prompt', 'target'])
  }
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex')
  const names = [
    'corpus.jsonl',
    'math.train.jsonl',
    'code.train.jsonl',
    'instruct.train.jsonl',
    'tokenizer.json',
    'tokenizer_config.json',
  ]
  const before = names.map(digest)
  writeFamilyData(folder, { seed: 1, documents: 3000, trainItems: 200 })
  assert.deepEqual(names.map(digest), before)
})
