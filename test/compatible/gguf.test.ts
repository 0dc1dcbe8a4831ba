// GGUF files: what is read, with the weights that they were made from, and what is refused by name.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { equalsExpected } from './expected.js'
import { compatible } from './row.js'

const read = (what: string, like: string, names: readonly string[], note?: string) =>
  compatible({ what, outcome: 'read', like, note }, async () => {
    for (const name of names) await equalsExpected(`test/fixtures/formats/${name}`)
  })

read(
  'GGUF of llama (Mistral too), qwen2, qwen3, gemma2, gemma3 and gpt2 in F32, F16, BF16 and Q8_0',
  'transformers 5.18.0',
  [
    'gguf-llama-f16',
    'gguf-llama-q8_0',
    'gguf-mistral',
    'gguf-qwen2',
    'gguf-qwen3',
    'gguf-gemma2',
    'gguf-gemma3',
    'gguf-gpt2',
  ],
  'rows of q and k, norms of Gemma and matrices of gpt2 are put back as they were; gemma (1) by the same rule, which transformers 5.18.0 does not load; one file in a folder',
)
read(
  'GGUF types Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K',
  'gguf 0.19.0',
  ['gguf-blocks'],
  'tensors that no architecture has keep their names',
)

compatible(
  {
    what: 'config.json of a GGUF folder that has none',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'for llama, qwen2, qwen3 and gpt2 without scaled rotary positions; a config.json beside the file comes first',
  },
  async () => {
    const { config, decoded } = await openCheckpoint('test/fixtures/formats/gguf-llama-q8_0')
    const { architectures, head_dim: width, rms_norm_eps: epsilon, tie_word_embeddings: tied } = config!
    assert.deepEqual([architectures, width, epsilon, tied], [['LlamaForCausalLM'], 8, 1e-6, false])
    assert.equal(decoded, '9 weights are decoded from Q8_0 and count as BF16')
    assert.equal((await openCheckpoint('test/fixtures/formats/gguf-qwen2')).config!.tie_word_embeddings, true)
  },
)

/** A file with bytes changed is refused in these words. */
const refused = (what: string, like: string, cases: [change: (bytes: Buffer) => Buffer, words: RegExp][]) =>
  compatible({ what, outcome: 'refused', like }, async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    const whole = readFileSync('test/fixtures/formats/gguf-llama-q8_0/model.gguf')
    for (const [change, words] of cases) {
      writeFileSync(join(root, 'model.gguf'), change(Buffer.from(whole)))
      await assert.rejects(openCheckpoint(root), (error) => error instanceof UserError && words.test(error.message))
    }
  })

/** Puts one text in the place of another of the same length. */
const put = (bytes: Buffer, from: string, to: string): Buffer => {
  bytes.write(to, bytes.indexOf(from), 'latin1')
  return bytes
}
/** Writes the number of a tensor's type, which stands behind its sides. */
const type = (bytes: Buffer, number: number): Buffer => {
  const at = bytes.indexOf('blk.0.ffn_up.weight') + 'blk.0.ffn_up.weight'.length
  bytes.writeUInt32LE(number, at + 4 + 16)
  return bytes
}

refused('GGUF types that are not read', 'names the tensor and its type', [
  [(bytes) => type(bytes, 23), /tensor "blk\.0\.ffn_up\.weight" is IQ4_XS, a GGUF type that is not read/],
  [(bytes) => type(bytes, 99), /GGUF type number 99, which is not known/],
])
refused('GGUF of other architectures, versions and byte orders', 'names what was found', [
  [(bytes) => put(bytes, 'llama', 'phi-3'), /general\.architecture is "phi-3"; GGUF files of llama, /],
  [(bytes) => put(bytes, 'GGUF\x03', 'GGUF\x01'), /GGUF of version 1; 2 and 3 are read/],
  [(bytes) => put(bytes, 'GGUF\x03\0\0\0', 'GGUF\0\0\0\x03'), /a big-endian GGUF file, which is not read/],
])
refused('GGUF files that are cut or damaged', 'says where', [
  ...[0.1, 0.5, 0.99].map((part): [(bytes: Buffer) => Buffer, RegExp] => [
    (bytes) => bytes.subarray(0, Math.floor(part * bytes.length)),
    /truncated|damaged|beyond the end/,
  ]),
  [() => Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /not a GGUF file/],
])

compatible(
  { what: 'A folder with several GGUF files', outcome: 'refused', like: 'give a folder that holds one' },
  async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    for (const name of ['a-Q4_K_M.gguf', 'a-Q8_0.gguf'])
      cpSync('test/fixtures/formats/gguf-qwen2/model.gguf', join(root, name))
    await assert.rejects(
      openCheckpoint(root),
      /holds 2 GGUF files \(a-Q4_K_M\.gguf, a-Q8_0\.gguf\); give a folder that holds one/,
    )
  },
)
