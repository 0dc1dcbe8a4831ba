// Files that make the reference's core end the process are refused before it sees them; and the port stands in for the core.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { UserError } from '../../src/errors/index.js'
import { checkFaults } from '../../src/tokenizer/faults.js'
import type { TokenizerFile } from '../../src/tokenizer/file.js'

const parts = join('test', 'fixtures', 'tokenizer_parts')
const bases = JSON.parse(readFileSync(join(parts, 'bases.json'), 'utf8')) as Record<string, TokenizerFile>
const variants = JSON.parse(readFileSync(join(parts, 'variants.json'), 'utf8')) as Record<
  string,
  [string, Partial<TokenizerFile>]
>
const map = (variants['normalizer: Precompiled, on word']![1].normalizer as { precompiled_charsmap: string })
  .precompiled_charsmap

const charsmap = (text: string) => ({
  normalizer: { type: 'Sequence', normalizers: [{ type: 'Precompiled', precompiled_charsmap: text }] },
})
const changed = (at: number, value: number) => {
  const bytes = Buffer.from(map, 'base64')
  bytes.writeUInt32LE(value, at)
  return bytes.toString('base64')
}
const template = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '<s>', type_id: 0 } }],
  pair: [],
  special_tokens: {},
}

const inserting = (pattern: object, content = 'x') => ({
  normalizer: { type: 'Replace', pattern, content },
  pre_tokenizer: { type: 'ByteLevel' },
})

for (const [name, base, change, message] of [
  [
    'a template with a token that it does not list',
    'sp',
    { post_processor: template },
    /post_processor: "<s>" is not among its special_tokens/,
  ],
  [
    'a decoder that strips both ends',
    'sp',
    { decoder: { type: 'Sequence', decoders: [{ type: 'Strip', content: ' ', start: 1, stop: 1 }] } },
    /decoder: Strip with both start and stop/,
  ],
  [
    'merges without the prefix',
    'sp',
    { model: { ...bases.sp!.model, continuing_subword_prefix: '##' } },
    /the merge .* does not go on with the continuing_subword_prefix "##"/,
  ],
  ['an empty character map', 'unigram', charsmap(''), /precompiled_charsmap is not a character map/],
  ['a character map of nothing', 'unigram', charsmap('AAAAAAAA'), /is not a character map/],
  ['a cut character map', 'unigram', charsmap(map.slice(0, 400)), /is not a character map/],
  ['a character map whose size is another', 'unigram', charsmap(changed(0, 8)), /is not a character map/],
  ['a character map that leads out of itself', 'unigram', charsmap(changed(4, 0x3ffffc00)), /is not a character map/],
  [
    'pieces of no letter',
    'word',
    { pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits' }, { type: 'FixedLength', length: 0 }] } },
    /pre_tokenizer: FixedLength has the length 0/,
  ],
  [
    'an empty pattern',
    'word',
    inserting({ String: '' }),
    /normalizer: Replace has the pattern {"String":""}, which matches the empty text, and ByteLevel after it/,
  ],
  ['an empty regex', 'word', inserting({ Regex: '' }), /matches the empty text/],
  ['a regex of the begin', 'word', inserting({ Regex: '^' }), /matches the empty text/],
  ['a regex that may be empty', 'word', inserting({ Regex: 'x*' }), /matches the empty text/],
  ['a regex that looks ahead', 'word', inserting({ Regex: '(?=h)' }), /matches the empty text/],
  [
    'an empty pattern within a sequence',
    'word',
    {
      normalizer: { type: 'Sequence', normalizers: [inserting({ String: '' }).normalizer, { type: 'NFC' }] },
      pre_tokenizer: null,
    },
    /and NFC after it/,
  ],
] as const) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => checkFaults({ ...bases[base], ...change } as TokenizerFile),
      (error) => error instanceof UserError && message.test(error.message),
    )
  })
}

test('tokenizers without a fault are taken', () => {
  for (const [base, change] of Object.values(variants))
    checkFaults({ ...bases[base], ...change, model: { ...bases[base]!.model, ...change.model } })
  for (const change of [
    inserting({ String: '' }, ''),
    inserting({ Regex: '$' }),
    inserting({ Regex: ' ' }),
    { ...inserting({ Regex: '^' }), pre_tokenizer: { type: 'Metaspace' } },
  ]) {
    checkFaults({ ...bases.word!, ...change })
  }
})

/** The package looks for its binary where this variable says, and nowhere else. */
const without = { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: join('no', 'such', 'binary.node') }
const run = (...words: string[]) =>
  spawnSync(process.execPath, ['dist/bundle/cli/main.js', ...words], { encoding: 'utf8', env: without })

test('without the core the port stands in, which is said once; doctor says it too', () => {
  const { status, stdout, stderr } = run(
    'eval',
    'checkpoints/small/math',
    '--task',
    'checkpoints/tasks/math.yaml',
    '--items',
    '4',
  )
  assert.equal(status, 0, stderr)
  assert.match(stdout, /final_number 100\.0 %/)
  assert.equal(
    stderr.split('\n').filter((line) => /^note: the npm package tokenizers cannot be used here/.test(line)).length,
    1,
  )
  const { tokenizers, advice } = JSON.parse(run('doctor', '--json').stdout) as { tokenizers: string; advice: string[] }
  assert.match(tokenizers, /JavaScript port/)
  assert.ok(advice.some((line) => /include=optional/.test(line)))
})

/** The maths model with another tokenizer.json, asked for a score. */
function evaluated(
  t: TestContext,
  change: (file: TokenizerFile & { model: { vocab: Record<string, number> } }) => unknown,
) {
  const folder = mkdtempSync(join(tmpdir(), 'rows-'))
  t.after(() => rmSync(folder, { recursive: true }))
  cpSync(join('checkpoints', 'small', 'math'), folder, { recursive: true })
  const file = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as Parameters<typeof change>[0]
  change(file)
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(file))
  return {
    folder,
    ...spawnSync(
      process.execPath,
      ['dist/bundle/cli/main.js', 'eval', folder, '--task', 'checkpoints/tasks/math.yaml', '--items', '3'],
      { encoding: 'utf8' },
    ),
  }
}

for (const [name, change, message] of [
  [
    'a token of a text',
    ({ model }) => (model.vocab['5'] = 300000),
    /task math.*: the text ".*5.*" has the token id 300000, and the model's embedding 409 rows/,
  ],
  [
    'a token of the template',
    (file) =>
      (file.post_processor = {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<b>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
        special_tokens: { '<b>': { id: '<b>', ids: [500], tokens: ['<b>'] } },
      }),
    /task math.*: the text .* has the token id 500, and the model's embedding 409 rows/,
  ],
] as [string, Parameters<typeof evaluated>[1], RegExp][]) {
  test(`refused in one line: ${name} without a row in the embedding`, (t) => {
    const { status, stdout, stderr } = evaluated(t, change)
    assert.equal(status, 1, stdout + stderr)
    assert.match(stderr, message)
    assert.doesNotMatch(stderr, /\n\s+at /)
  })
}

test('a sweep refuses it before any run', (t) => {
  const { folder } = evaluated(t, ({ model }) => (model.vocab['5'] = 300000))
  const config = join(folder, 'sweep.yaml')
  const at = (...parts: string[]) => JSON.stringify(resolve('checkpoints', ...parts))
  writeFileSync(
    config,
    `models: [{name: m, base: ${at('small', 'base')}, post: ${JSON.stringify(folder)}, tasks: [${at('tasks', 'math.yaml')}]}]\neditors: [{editor: dare, drop_rate: 0.5}]\nname: x\nloss: {items: 64}\n`,
  )
  const { status, stderr } = spawnSync(
    process.execPath,
    ['dist/bundle/cli/main.js', 'sweep', config, '--out', join(folder, 'out')],
    { encoding: 'utf8' },
  )
  assert.equal(status, 1)
  assert.match(stderr, /^deltalab: task math.*has the token id 300000, and the model's embedding 409 rows\n$/)
})

test('a token that no text has may be without a row', (t) => {
  const { status, stdout, stderr } = evaluated(t, ({ model }) => (model.vocab.ĠBARN = 300000))
  assert.equal(status, 0, stderr)
  assert.match(stdout, /final_number 100\.0 %/)
})
