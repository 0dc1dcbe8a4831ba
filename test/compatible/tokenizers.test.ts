// Every part that a tokenizer.json can have, against Python's tokenizers; and what the JavaScript port makes of it, which is
// the same or a refusal.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../../src/errors/index.js'
import { packageRoot } from '../../src/files/index.js'
import { loadCore, openCore } from '../../src/tokenizer/core.js'
import type { Encoded, Engine } from '../../src/tokenizer/engine.js'
import { completeFile, type TokenizerFile } from '../../src/tokenizer/file.js'
import { loadTokenizer } from '../../src/tokenizer/index.js'
import { checkSupport, textCheck } from '../../src/tokenizer/limits.js'
import { openPort } from '../../src/tokenizer/port.js'
import { compatible } from './row.js'

const REFERENCE = 'tokenizers 0.23.3'
const read = <T>(name: string) =>
  JSON.parse(readFileSync(join('test', 'fixtures', 'tokenizer_parts', name), 'utf8')) as T
const lines = read<string[]>('lines.json')
const bases = read<Record<string, TokenizerFile>>('bases.json')
const variants = Object.entries(read<Record<string, [base: string, parts: Partial<TokenizerFile>]>>('variants.json'))
const expected =
  read<Record<string, { ids: string; special: string; pairs: string; text: string } | { error: string }>>(
    'expected.json',
  )

interface Variant {
  name: string
  file: TokenizerFile
  /** Every third line; all lines for the bases. */
  lines: string[]
}

function variantOf([name, [base, parts]]: (typeof variants)[number], index: number): Variant {
  const file = { ...bases[base]!, ...parts, ...(parts.model && { model: { ...bases[base]!.model, ...parts.model } }) }
  return {
    name,
    file: completeFile(file, {}),
    lines: name.startsWith('base ') ? lines : lines.filter((_, i) => i % 3 === index % 3),
  }
}

const digest = (texts: string[]) => createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 16)
const wordsOf = (ids: number[]) => ids.join(' ')
/** JSON as Python writes it. */
const quote = (text: string) =>
  JSON.stringify(text).replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
/** What a model may write: some of the tokens of a line. */
const cutsOf = (ids: number[]) => [ids, ids.slice(1, -1), ids.filter((_, i) => i % 2 === 0)]
const pairsOf = (texts: string[]) =>
  texts.map((text, i) => ({ text, pair: texts[(7 * i + 3) % texts.length] })).filter((_, i) => i % 5 === 0)

/** What the core makes of every line, with special tokens, and of three cuts of that. */
interface Answers {
  encoded: number[][]
  decoded: string[][]
}

async function answersOf(engine: Engine, texts: string[]): Promise<Answers> {
  const encoded = await engine.encode(texts, true)
  return { encoded, decoded: encoded.map((ids) => cutsOf(ids).map((cut) => engine.decode(cut))) }
}

async function digestsOf(engine: Engine, texts: string[], { encoded, decoded }: Answers) {
  return {
    ids: digest((await engine.encode(texts, false)).map(wordsOf)),
    special: digest(encoded.map(wordsOf)),
    pairs: digest(
      (await engine.encodePairs(pairsOf(texts))).map(({ ids, types }) => `${wordsOf(ids)}/${wordsOf(types)}`),
    ),
    text: digest(decoded.flat().map(quote)),
  }
}

/** The port gives what the core gives, or refuses: the tokenizer, a text, or a pair that has no template. */
async function checkPort(right: Engine, { name, file, lines }: Variant, answers: Answers): Promise<void> {
  const port = openPort(file)
  const check = textCheck(file)
  const taken = lines.map((text) => !refusal(() => check(text)))
  const only = <T>(all: readonly T[]): T[] => all.filter((_, i) => taken[i])
  const [texts, encoded] = [only(lines), only(answers.encoded)]
  assert.ok(texts.length > 0.8 * lines.length)
  assert.deepEqual(await port.encode(texts, true), encoded, name)
  for (const [i, [, , text]] of only(answers.decoded).entries())
    assert.equal(port.decode(cutsOf(encoded[i]!)[2]!), text, name)
  const pairs = pairsOf(texts).filter(({ pair }) => pair !== '')
  const both = await port
    .encodePairs(pairs)
    .catch((error: unknown): Encoded[] | null => (error instanceof UserError ? null : assert.fail(String(error))))
  if (both) assert.deepEqual(both, await right.encodePairs(pairs), name)
}

function refusal(work: () => unknown): string | null {
  try {
    work()
    return null
  } catch (error) {
    if (error instanceof UserError) return error.message
    throw error
  }
}

const NAMES: Record<string, string> = {
  byte: 'byte-level BPE',
  sp: 'BPE with byte_fallback, as of Llama 2',
  suffix: 'BPE with end_of_word_suffix',
  prefix: 'BPE with continuing_subword_prefix',
  piece: 'WordPiece',
  word: 'WordLevel',
  unigram: 'Unigram',
  fallback: 'Unigram with byte_fallback',
}

const groups = new Map<string, Variant[]>()
for (const each of variants.map(variantOf)) {
  const what = each.name
    .replace(/^base (\w+)$/, (_, base: string) => `a whole tokenizer: ${NAMES[base]}`)
    .replace(/, on \w+$/, '')
  groups.set(what, [...(groups.get(what) ?? []), each])
}
for (const [what, group] of groups) {
  const refused = group.filter(({ file }) => refusal(() => checkSupport(file)))
  const wrong = group.map(({ name }) => expected[name]).find((each) => 'error' in each!)
  const note = `The JavaScript port that stands in for the core: ${refused.length === group.length ? 'refused' : 'the same'}.`
  const row =
    wrong && 'error' in wrong
      ? ({ outcome: 'refused', like: `what tokenizers says: ${wrong.error}` } as const)
      : ({ outcome: 'read', like: REFERENCE } as const)
  compatible({ what, ...row, ...(wrong ? {} : { note }) }, async (context) => {
    const core = loadCore()
    if (core instanceof Error) return context.skip(core.message)
    for (const each of group) {
      if (wrong) await assert.rejects(async () => openCore(core, each.file).encode(each.lines, false))
      if (wrong && !refused.includes(each)) assert.fail(`the port takes ${each.name}`)
      if (refused.includes(each)) assert.throws(() => openPort(each.file), UserError)
      if (wrong) continue
      const engine = openCore(core, each.file)
      const answers = await answersOf(engine, each.lines)
      assert.deepEqual(await digestsOf(engine, each.lines, answers), expected[each.name], each.name)
      if (!refused.includes(each)) await checkPort(engine, each, answers)
    }
  })
}

/** Of AutoTokenizer, with the versions of transformers that give the same. */
interface Opened {
  ids: string
  pairs: string
  text: string
  like: string[]
}

/** A template that puts <s> in front of one text, and nothing in front of two. */
const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } })
const BEGINS = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, sequence('A', 0)],
  pair: [sequence('A', 0), sequence('B', 1)],
  special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
}

const some = lines.filter((_, i) => i % 3 === 0)

async function checkFolder(folder: string, { ids, pairs, text }: Opened): Promise<void> {
  const tokenizer = await loadTokenizer(folder)
  const encoded = await tokenizer.encode(some, { special: true })
  const both = await tokenizer.encodePairs(pairsOf(some))
  const decoded = encoded.flatMap(cutsOf).map((each) => quote(tokenizer.decode(each)))
  assert.deepEqual(
    { ids: digest(encoded.map(wordsOf)), pairs: digest(both.map((each) => wordsOf(each.ids))), text: digest(decoded) },
    { ids, pairs, text },
  )
}

const likeOf = (versions: string[]) => `AutoTokenizer of transformers ${versions.join(', ')}`

for (const [what, { base, settings, ...opened }] of Object.entries(
  read<Record<string, Opened & { base: string; settings: object }>>('settings.json'),
)) {
  compatible({ what: `tokenizer_config.json: ${what}`, outcome: 'read', like: likeOf(opened.like) }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'settings-'))
    const end = {
      eos_token: ['<|endoftext|>', '</s>', '[SEP]'].find((token) =>
        bases[base]!.added_tokens!.some(({ content }) => content === token),
      ),
    }
    writeFileSync(
      join(folder, 'tokenizer.json'),
      JSON.stringify(what.endsWith('that adds it') ? { ...bases[base], post_processor: BEGINS } : bases[base]),
    )
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ ...end, ...settings }))
    await checkFolder(folder, opened)
    rmSync(folder, { recursive: true })
  })
}

/** A version 5 of transformers builds other classes from the vocabulary alone, with a pre-tokenizer of their own. */
const CLASSES = ['PreTrainedTokenizerFast', 'BertTokenizer']

compatible(
  { what: 'the tokenizers that ship in checkpoints/', outcome: 'read', like: likeOf(['5.18.0', '5.24.0', '4.57.6']) },
  async () => {
    for (const [name, opened] of Object.entries(read<Record<string, Opened>>('shipped.json'))) {
      assert.equal(opened.like.length, 3, name)
      const folder = join(packageRoot, 'checkpoints', name)
      const { tokenizer_class: own } = JSON.parse(readFileSync(join(folder, 'tokenizer_config.json'), 'utf8')) as {
        tokenizer_class: string
      }
      assert.ok(CLASSES.includes(own), `${name}: ${own}`)
      await checkFolder(folder, opened)
    }
  },
)
