// GGUF files: what is read, with the weights that they were made from, and what is refused by name.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { modelOf } from '../../src/models/index.js'
import { equalsExpected } from './expected.js'
import { compatible } from './row.js'

const FORMATS = 'test/fixtures/formats'

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
  'rows of q and k, norms of Gemma and matrices of gpt2 are put back as they were; gemma (1) by the same rule, which transformers 5.18.0 does not load',
)
read(
  'GGUF types Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K',
  'gguf 0.19.0',
  ['gguf-blocks'],
  'tensors that no architecture has keep their names',
)

read('GGUF types Q2_K, Q3_K, IQ4_NL, IQ4_XS, TQ1_0, TQ2_0, MXFP4, NVFP4', 'gguf 0.19.0', ['gguf-more-blocks'])
read(
  'GGUF of phi3, starcoder2, stablelm, nemotron, qwen2moe and qwen3moe',
  'transformers 5.18.0',
  ['gguf-phi3', 'gguf-starcoder2', 'gguf-stablelm', 'gguf-nemotron', 'gguf-qwen2moe', 'gguf-qwen3moe'],
  "experts are matrices of their own, as transformers saves them; norms of heads of stablelm keep the file's name",
)
read(
  'GGUF of Mixtral',
  "the rule of llama.cpp's converter",
  ['gguf-mixtral'],
  'under the names of the hub; transformers 5.18.0 does not load it',
)

const CONVERTED = readdirSync(`${FORMATS}/gguf-converted`).sort()
read(
  `GGUF of ${CONVERTED.filter((name) => name !== 'falcon-multi-query' && name !== 't5-gated').join(', ')}`,
  'the weights that llama.cpp (of llama-cpp-python 0.3.36) converted',
  CONVERTED.map((name) => `gguf-converted/${name}`),
  'queries, keys and values of bloom, falcon and gptneox are in groups again, the experts of gpt-oss and granitemoe lie together as in their own files, and keys and values of deepseek2 are one matrix; files of bert have no head and no pooler, and those of RoBERTa fewer positions than the model',
)

read(
  'GGUF of deepseek2 with keys and values as one matrix, and its two parts beside it',
  'the one matrix',
  ['gguf-deepseek2-parts'],
  'as files of DeepSeek V3 of early 2025 are; the parts are not read',
)

compatible(
  {
    what: "GGUF of gpt-oss with half of the experts' first matrices",
    outcome: 'refused',
    like: 'names what is there',
  },
  async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    const bytes = readFileSync(`${FORMATS}/gguf-converted/gpt-oss/model.gguf`)
    writeFileSync(join(root, 'model.gguf'), put(bytes, 'blk.0.ffn_up_exps.weight', 'blk.0.ffn_xx_exps.weight'))
    await assert.rejects(
      openCheckpoint(root),
      /gate_up_proj is made of two tensors that fit each other, and there is blk\.0\.ffn_gate_exps\.weight \[4, 8, 16\]/,
    )
  },
)

compatible(
  { what: 'A GGUF file of several parts', outcome: 'read', like: 'gguf 0.19.0', note: 'by its folder or any part' },
  async () => {
    await equalsExpected('test/fixtures/formats/gguf-split')
    const [all, one] = await Promise.all(
      ['gguf-split', 'gguf-split/model-00002-of-00004.gguf'].map((place) => openCheckpoint(`${FORMATS}/${place}`)),
    )
    assert.deepEqual([...one!.tensors.keys()], [...all!.tensors.keys()])
    assert.deepEqual(Object.keys(await one!.hashes()).length, 4)
    await Promise.all([all!.close(), one!.close()])
  },
)

compatible(
  {
    what: 'config.json of GGUF files with scaled rotary positions (linear, yarn, and those of Llama 3)',
    outcome: 'read',
    like: "the rule of llama.cpp's converter",
    note: 'transformers 5.18.0 leaves the scaling out; other scalings need a config.json beside the file',
  },
  async () => {
    const scalingOf = async (name: string) => {
      const found = await openCheckpoint(`${FORMATS}/../gguf/rope/${name}.gguf`)
      await found.close()
      if (!found.config) assert.throws(() => modelOf(found, name), /its fields do not make a config\.json/)
      return found.config?.rope_scaling ?? found.notes.at(-1)
    }
    assert.deepEqual(await scalingOf('llama3'), {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    })
    assert.deepEqual(await scalingOf('linear'), { rope_type: 'linear', factor: 4 })
    assert.deepEqual(await scalingOf('yarn'), { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32 })
    for (const name of ['llama3-other', 'longrope'])
      assert.match(String(await scalingOf(name)), /its fields do not make a config\.json/)
  },
)

compatible(
  {
    what: 'config.json of a GGUF folder that has none',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'for llama, qwen2, qwen3 and gpt2; a config.json beside the file comes first',
  },
  async () => {
    const { config, decoded } = await openCheckpoint('test/fixtures/formats/gguf-llama-q8_0')
    const { architectures, head_dim: width, rms_norm_eps: epsilon, tie_word_embeddings: tied } = config!
    assert.deepEqual([architectures, width, epsilon, tied], [['LlamaForCausalLM'], 8, 1e-6, false])
    assert.equal(decoded, '9 weights are decoded from Q8_0 and count as BF16')
    assert.equal((await openCheckpoint('test/fixtures/formats/gguf-qwen2')).config!.tie_word_embeddings, true)
  },
)

compatible(
  {
    what: 'A GGUF file that does not say how many heads its keys and values have (head_count_kv)',
    outcome: 'read',
    like: 'the specification of GGUF',
    note: 'as many as its queries; transformers 5.24.0 leaves the rows of k in pairs',
  },
  async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    const bytes = readFileSync('test/fixtures/formats/gguf-llama-q8_0/model.gguf')
    const key = 'llama.attention.head_count'
    // Its value lies behind the number of its type.
    bytes.writeUInt32LE(2, bytes.indexOf(key) + key.length + 4)
    const read = async (name: string) => {
      writeFileSync(join(root, name), bytes)
      const found = await openCheckpoint(join(root, name))
      const values = await found.read('model.layers.0.self_attn.k_proj.weight')
      await found.close()
      return [values, found.config!.num_key_value_heads]
    }
    const said = await read('said.gguf')
    bytes.write(`${key}_no`, bytes.indexOf(`${key}_kv`), 'latin1')
    assert.deepEqual(await read('unsaid.gguf'), said)
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

/** Puts another text in the place of the value of a field. */
const set = (bytes: Buffer, field: string, text: string): Buffer => {
  // Behind the key: the number of its type, and the length of the text.
  const at = bytes.indexOf(field) + field.length + 4
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const rest = bytes.subarray(at + 8 + Number(bytes.readBigUInt64LE(at)))
  return Buffer.concat([bytes.subarray(0, at), length, Buffer.from(text), rest, Buffer.alloc(64)])
}

refused('GGUF files whose heads and rows do not fit each other', 'names what is there', [
  [
    (bytes) => put(bytes, 'llama.attention.head_count', 'llama.attention.head_xxxxx'),
    /llama\.attention\.head_count is not there; one number/,
  ],
  [
    (bytes) => {
      // Behind the number of its type.
      bytes.writeUInt32LE(3, bytes.indexOf('head_count_kv') + 'head_count_kv'.length + 4)
      return bytes
    },
    /attn_k\.weight" has \d+ rows, which its heads of queries and keys do not share evenly/,
  ],
])
refused('An adapter as a GGUF file (convert_lora_to_gguf.py of llama.cpp)', 'give the adapter of peft', [
  [(bytes) => set(bytes, 'general.type', 'adapter'), /is an adapter of llama\.cpp, which is not read/],
])
refused('GGUF types that are not read', 'names the tensor and its type', [
  [(bytes) => type(bytes, 16), /tensor "blk\.0\.ffn_up\.weight" is IQ2_XXS, a GGUF type that is not read/],
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
  [() => Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /a pointer of Git LFS.*git lfs pull/],
  [() => Buffer.from('GGML file'), /is a text that begins with "GGML file"/],
])

compatible(
  {
    what: 'A path to a GGUF file, also one of several in a folder',
    outcome: 'read',
    like: 'transformers 5.18.0 (gguf_file)',
    note: 'a folder with several is refused, and the line says how to name one; image towers (mmproj) do not count',
  },
  async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    for (const name of ['a-Q4_K_M.gguf', 'a-Q8_0.gguf', 'mmproj-f16.gguf'])
      cpSync('test/fixtures/formats/gguf-qwen2/model.gguf', join(root, name))
    await assert.rejects(openCheckpoint(root), ({ message }: Error) => {
      assert.ok(
        message.endsWith(
          `(a-Q4_K_M.gguf, a-Q8_0.gguf); name the one that is meant, such as ${join(root, 'a-Q4_K_M.gguf')}`,
        ),
      )
      return true
    })
    const found = await openCheckpoint(join(root, 'a-Q8_0.gguf'))
    assert.equal(found.folder, join(root, 'a-Q8_0.gguf'))
    assert.deepEqual(Object.keys(await found.hashes()), ['a-Q8_0.gguf'])
    await found.close()
    rmSync(join(root, 'a-Q8_0.gguf'))
    await (await openCheckpoint(root)).close()
  },
)

compatible(
  { what: 'A part of a GGUF file without the others', outcome: 'refused', like: 'names those that are missing' },
  async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    const part = (number: number) => `model-0000${number}-of-00004.gguf`
    for (const number of [1, 3]) cpSync(`${FORMATS}/gguf-split/${part(number)}`, join(root, part(number)))
    await assert.rejects(
      openCheckpoint(root),
      /one of 4 parts, and model-00002-of-00004\.gguf, model-00004-of-00004\.gguf are missing/,
    )
    for (const number of [2, 4]) cpSync(`${FORMATS}/gguf-split/${part(3)}`, join(root, part(number)))
    await assert.rejects(openCheckpoint(root), /its fields do not say that it is part 2 of 4/)
    cpSync(`${FORMATS}/gguf-split/${part(1)}`, join(root, 'alone.gguf'))
    await assert.rejects(
      openCheckpoint(join(root, 'alone.gguf')),
      /one of 4 parts, which are called NAME-00001-of-00004\.gguf/,
    )
  },
)
