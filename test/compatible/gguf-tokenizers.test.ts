// The tokenizers of GGUF files: ids and texts are those that transformers gives when it loads the file.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { companionsOf, openCheckpoint } from '../../src/checkpoint/index.js'
import { type GgufValue, tokenizerOf } from '../../src/gguf/index.js'
import { measureModel } from '../../src/run/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { loadTokenizer } from '../../src/tokenizer/index.js'
import { BACKEND } from '../backend.js'
import { compatible } from './row.js'

const ROOT = 'test/fixtures/gguf/tokenizers'

interface Expected {
  texts: [text: string, ids: number[], decoded: string][]
  tokens: Record<string, string>
  template: string | null
}

const read = (what: string, names: readonly string[], note?: string) =>
  compatible({ what, outcome: 'read', like: 'transformers 5.24.0', note }, async () => {
    for (const name of names) {
      const expected = JSON.parse(readFileSync(join(ROOT, name, 'expected.json'), 'utf8')) as Expected
      const found = await openCheckpoint(join(ROOT, name))
      const folder = companionsOf(found)
      const tokenizer = await loadTokenizer(folder)
      const ids = await tokenizer.encode(
        expected.texts.map(([text]) => text),
        { special: true },
      )
      for (const [i, [text, wanted, decoded]] of expected.texts.entries()) {
        assert.deepEqual(ids[i], wanted, `${name}: ${JSON.stringify(text)}`)
        assert.equal(tokenizer.decode(wanted), decoded, `${name}: ${JSON.stringify(text)}`)
      }
      const { chat_template: template = null, ...config } = JSON.parse(
        readFileSync(join(folder, 'tokenizer_config.json'), 'utf8'),
      ) as Record<string, unknown>
      assert.equal(template, expected.template)
      for (const [role, token] of Object.entries(config)) assert.equal(token, expected.tokens[role], `${name} ${role}`)
      await found.close()
    }
  })

read('Byte-level BPE in a GGUF file, split as llama-bpe, gpt-4o, tekken, qwen2, qwen35 and gpt-2', [
  'llama3',
  'gpt-4o',
  'tekken',
  'qwen2',
  'qwen35',
  'gpt2',
])
read(
  'Byte-level BPE with a split that is not known',
  ['own'],
  'split as by GPT-2, as transformers does, and a line says so',
)
read('Sentencepiece in a GGUF file: llama, phi3 and gemma', ['llama2', 'llama2-scores', 'phi3', 'gemma2'])

compatible(
  {
    what: 'Begin-of-text and end-of-text tokens that a GGUF file asks for (add_bos_token, add_eos_token)',
    outcome: 'read',
    like: 'transformers 5.24.0',
    note: 'a sentencepiece vocabulary that does not say has the first; transformers 5.18.0 adds none',
  },
  async () => {
    const cases: [model: string, flags: [bos?: boolean, eos?: boolean], around: string[]][] = [
      ['gpt2', [], ['A']],
      ['gpt2', [true], ['b', 'A']],
      ['gpt2', [false, true], ['A', 'e']],
      ['llama', [], ['b', 'A']],
      ['llama', [true, true], ['b', 'A', 'e']],
      ['llama', [false, false], ['A']],
    ]
    for (const [model, [bos, eos], around] of cases) {
      const of = (ids: [key: string, id: number][]) =>
        tokenizerOf(
          new Map<string, GgufValue>([
            ['general.architecture', 'llama'],
            ['tokenizer.ggml.model', model],
            ['tokenizer.ggml.tokens', ['b', 'e', 'x']],
            ['tokenizer.ggml.merges', []],
            ...ids,
            ...(bos === undefined ? [] : [['tokenizer.ggml.add_bos_token', bos] as const]),
            ...(eos === undefined ? [] : [['tokenizer.ggml.add_eos_token', eos] as const]),
          ]),
        ).file.post_processor as { single: Record<string, { id: string }>[] } | null
      const made = of([
        ['tokenizer.ggml.bos_token_id', 0],
        ['tokenizer.ggml.eos_token_id', 1],
      ])
      assert.deepEqual(made?.single.map((part) => Object.values(part)[0]!.id) ?? ['A'], around)
      assert.equal(of([]), null, 'there is no such token')
    }
  },
)

const MODEL = 'test/fixtures/gguf/model'

compatible(
  {
    what: 'Losses of a GGUF folder, of the path of its file, and with `--tokenizer`',
    outcome: 'read',
    like: 'transformers 5.18.0',
  },
  async (context) => {
    await setBackend(BACKEND)
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    const { items, loss, tokens } = JSON.parse(readFileSync(join(MODEL, 'expected.json'), 'utf8')) as {
      items: [prompt: string, target: string][]
      loss: number
      tokens: number
    }
    const task = join(root, 'items.jsonl')
    writeFileSync(task, items.map(([prompt, target]) => `${JSON.stringify({ prompt, target })}\n`).join(''))
    const checkpoint = await openCheckpoint(MODEL)
    for (const [place, tokenizer] of [
      [MODEL],
      [join(MODEL, 'model-F16.gguf')],
      [MODEL, companionsOf(checkpoint)],
    ] as const) {
      const found = await measureModel(place, task, { tokenizer })
      assert.ok(Math.abs(found.loss! - loss) < 1e-6 * loss, `${found.loss} for ${loss}`)
      assert.equal(found.tokens, tokens)
    }
    await checkpoint.close()
    // A kind of tokenizer that is not read.
    const bytes = readFileSync(join(MODEL, 'model-F16.gguf'))
    const at = bytes.indexOf('tokenizer.ggml.model') + 'tokenizer.ggml.model'.length + 12
    bytes.write('bert', at, 'latin1')
    writeFileSync(join(root, 'bert.gguf'), bytes)
    await assert.rejects(
      measureModel(join(root, 'bert.gguf'), task),
      /bert\.gguf: has a tokenizer of the kind "bert"; gpt2 and llama are read: name a folder with tokenizer\.json \(--tokenizer/,
    )
    await assert.rejects(
      measureModel(MODEL, task, { tokenizer: root }),
      /holds no tokenizer\.json; a folder with a tokenizer is wanted/,
    )
  },
)
