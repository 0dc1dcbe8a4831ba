// The tokenizers of GGUF files: ids and texts are those that transformers gives when it loads the file.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { companionsOf, openCheckpoint } from '../../src/checkpoint/index.js'
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
  compatible({ what, outcome: 'read', like: 'transformers 5.18.0', note }, async () => {
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

read(
  'Byte-level BPE in a GGUF file, split as llama-bpe, gpt-4o, tekken, qwen2, qwen35 and gpt-2',
  ['llama3', 'gpt-4o', 'tekken', 'qwen2', 'qwen35', 'gpt2'],
  'no begin-of-text token is added, as transformers adds none to a GGUF file; a line says so where the file asks for one',
)
read(
  'Byte-level BPE with a split that is not known',
  ['own'],
  'split as by GPT-2, as transformers does, and a line says so',
)
read('Sentencepiece in a GGUF file: llama, phi3 and gemma', ['llama2', 'llama2-scores', 'phi3', 'gemma2'])

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
