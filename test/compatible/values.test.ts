// Values in the files of people: what the tools around us write is read, and what cannot be is refused in one line.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { packageRoot, prepareFolder } from '../../src/files/index.js'
import { lossOf } from '../../src/loss/index.js'
import { mergeSchema } from '../../src/merge/index.js'
import { loadModel, type Weights } from '../../src/models/index.js'
import { measureModel } from '../../src/run/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { loadTokenizer } from '../../src/tokenizer/index.js'
import { readYaml } from '../../src/yaml/index.js'
import { BACKEND } from '../backend.js'
import { NAMES, openFixture } from '../models/fixture.js'
import { makePair } from '../run/pair.js'
import { compatible } from './row.js'

const fixtures = (...path: string[]) => join(packageRoot, 'test', 'fixtures', ...path)
const stored = <T>(name: string): T => JSON.parse(readFileSync(fixtures('values', name), 'utf8')) as T
const scratch = mkdtempSync(join(tmpdir(), 'deltalab-values-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

type Config = Record<string, any>
const small: Config = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 11,
}
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
const oneLine = (words: RegExp) => (error: unknown) =>
  error instanceof UserError && words.test(error.message) && !error.message.includes('\n')

/** Each value is refused with its words. */
function refuses(config: Config, cases: [change: Config, words: RegExp][]): void {
  for (const [change, words] of cases)
    assert.throws(() => loadModel({ ...config, ...change }), oneLine(words), JSON.stringify(change))
}

compatible(
  {
    what: 'config.json as transformers writes its defaults, whole or without them',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'the number of parameters of every architecture',
  },
  () => {
    for (const { parameters, configs } of stored<{ parameters: number; configs: Config[] }[]>('configs.json')) {
      for (const config of configs) {
        // What a tied model stores once is one parameter there too.
        const { shapes } = loadModel(config)
        assert.equal(
          Object.values(shapes).reduce((sum, shape) => sum + size(shape), 0),
          parameters,
          JSON.stringify(config).slice(0, 300),
        )
      }
    }
  },
)

compatible(
  {
    what: 'config.json: null for what is left out, 8.0 for 8, keys that nobody reads',
    outcome: 'read',
    like: 'transformers 5.18.0',
  },
  () => {
    const { shapes } = loadModel(small)
    const spelt = JSON.parse(
      '{"hidden_size":8.0,"head_dim":null,"rope_scaling":null,"num_key_value_heads":null,"tie_word_embeddings":null,"rms_norm_eps":1e-06,"rope_theta":10000,"x":[{}]}',
    ) as Config
    assert.deepEqual(loadModel({ ...small, ...spelt }).shapes, shapes)
  },
)

compatible(
  {
    what: 'config.json: sizes that are texts, fractions, below 1 or beyond what a tensor has',
    outcome: 'refused',
    like: 'give a whole number',
  },
  () => {
    refuses(small, [
      [{ hidden_size: '8' }, /config\.json: hidden_size must be a number; got "8"/],
      [{ hidden_size: 8.5 }, /hidden_size must be a whole number; got 8\.5/],
      [{ hidden_size: [8] }, /hidden_size must be a number; got \[8\]/],
      [{ intermediate_size: 1e308 }, /intermediate_size must be at most 2147483647; got 1e\+308/],
      [{ num_hidden_layers: 1e9 }, /num_hidden_layers must be at most 16384; got 1000000000/],
      [{ num_attention_heads: 0 }, /num_attention_heads must be at least 1; got 0/],
      [{ vocab_size: true }, /vocab_size must be a number; got true/],
      [{ max_position_embeddings: -1 }, /max_position_embeddings must be at least 1; got -1/],
    ])
    refuses(
      {
        model_type: 'vit',
        hidden_size: 8,
        intermediate_size: 8,
        num_hidden_layers: 1,
        num_attention_heads: 1,
        image_size: 8,
        patch_size: 4,
      },
      [
        [{ patch_size: 16 }, /patch_size 16 is larger than image_size 8/],
        [{ qkv_bias: 'no' }, /qkv_bias must be true or false; got "no"/],
        [{ layer_norm_eps: -1e-5 }, /layer_norm_eps must be at least 0; got -0\.00001/],
        [{ id2label: 'cat' }, /id2label must be a mapping of keys to values; got "cat"/],
      ],
    )
  },
)

compatible(
  {
    what: 'config.json: an epsilon or frequencies with which nothing can be computed',
    outcome: 'refused',
    like: 'give a number in the range that is named',
  },
  () => {
    const rope = (more: Config) => ({ rope_parameters: { rope_type: 'linear', rope_theta: 10000, factor: 2, ...more } })
    refuses(small, [
      [{ rms_norm_eps: -1 }, /rms_norm_eps must be at least 0; got -1/],
      [{ rms_norm_eps: 7 }, /rms_norm_eps must be at most 1; got 7/],
      [{ rope_theta: 0 }, /rope_theta must be at least 1; got 0/],
      [rope({ rope_theta: -5 }), /rope_theta must be at least 1; got -5/],
      [rope({ factor: 0 }), /factor of rope type linear must be above 0; got 0/],
      [rope({ factor: '2' }), /factor of rope type linear must be a number; got "2"/],
      [rope({ rope_type: ['linear'] }), /rope_type must be text; got \["linear"\]/],
      [rope({ rope_type: 'constructor' }), /unknown rope type .*"constructor"/],
      [{ rope_scaling: 'linear' }, /rope_scaling must be a mapping of keys to values; got "linear"/],
    ])
  },
)

compatible(
  {
    what: 'config.json: switches and words of another type',
    outcome: 'refused',
    like: 'give true or false, or the word',
  },
  () => {
    refuses(small, [
      [{ tie_word_embeddings: 'yes' }, /tie_word_embeddings must be true or false; got "yes"/],
      [{ attention_bias: 1 }, /attention_bias must be true or false; got 1/],
      [{ architectures: [[[[]]]] }, /architectures\.0 must be text; got \[\[\[\]\]\]/],
      [{ architectures: 'LlamaForCausalLM' }, /architectures must be a list; got "LlamaForCausalLM"/],
      [{ model_type: ['llama'] }, /model_type must be text; got \["llama"\]/],
      [{ hidden_act: { name: 'silu' } }, /hidden_act must be text/],
      [{ hidden_act: 'constructor' }, /unknown hidden_act .*"constructor"/],
      [
        {
          model_type: 'qwen2',
          architectures: null,
          num_key_value_heads: 2,
          use_sliding_window: true,
          layer_types: 'full',
        },
        /layer_types must be a list; got "full"/,
      ],
    ])
  },
)

compatible(
  {
    what: 'a token id that is a text, null, a fraction, a list, negative, of two tokens, or beyond every vocabulary',
    outcome: 'refused',
    like: 'give each token one whole number',
  },
  async () => {
    const source = fixtures('tokenizers', 'llama3-bpe')
    const file = JSON.parse(readFileSync(join(source, 'tokenizer.json'), 'utf8')) as {
      model: { vocab: Record<string, unknown> }
      added_tokens: { id: unknown; content: string }[]
    }
    const folder = join(scratch, 'ids')
    cpSync(source, folder, { recursive: true })
    const [token, other] = Object.keys(file.model.vocab)
    const attempt = async (change: (copy: typeof file) => void) => {
      const copy = structuredClone(file)
      change(copy)
      writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(copy))
      await loadTokenizer(folder)
    }
    for (const id of ['5', null, 5.5, [5], -1, 1e9, true]) {
      await assert.rejects(
        attempt(({ model }) => (model.vocab[token!] = id)),
        oneLine(
          /tokenizer\.json: model\.vocab: the token .* has the id .*; a whole number from 0 to 16777215 is wanted/,
        ),
        JSON.stringify(id),
      )
    }
    await assert.rejects(
      attempt(({ model }) => (model.vocab[token!] = model.vocab[other!])),
      oneLine(/has the id \d+, which is that of /),
    )
    for (const id of ['5', null, 5.5])
      await assert.rejects(
        attempt(({ added_tokens: [first] }) => (first!.id = id)),
        oneLine(/added_tokens\.0\.id /),
        JSON.stringify(id),
      )
    await assert.rejects(
      attempt(({ added_tokens: [first], model }) => (first!.id = model.vocab[token!])),
      oneLine(/added_tokens: the token .* which is that of /),
    )
    await attempt(() => undefined)
  },
)

compatible(
  {
    what: 'changed headers of safetensors files',
    outcome: 'read',
    like: 'safetensors 0.8.0',
    note: 'what is read is equal; what it refuses is refused, and besides a name that stands twice, one with control characters, and numbers with a point anywhere',
  },
  async () => {
    const folder = join(scratch, 'headers')
    mkdirSync(folder)
    const counts = { both: 0, ours: 0 }
    for (const { bytes, tensors } of stored<
      { bytes: string; tensors: Record<string, (number | null)[] | null> | null }[]
    >('headers.json')) {
      writeFileSync(join(folder, 'model.safetensors'), Buffer.from(bytes, 'base64'))
      const opened = await openCheckpoint(folder).catch((error) => error as Error)
      if (opened instanceof Error) {
        assert.ok(opened instanceof UserError, opened.stack)
        if (tensors) counts.ours++
        continue
      }
      assert.ok(tensors, `safetensors refuses ${Buffer.from(bytes, 'base64').toString('latin1')}`)
      assert.deepEqual([...opened.tensors.keys()].sort(), Object.keys(tensors).sort())
      for (const [name, values] of Object.entries(tensors)) {
        if (!values || values.includes(null)) continue
        assert.deepEqual(
          [...(await opened.read(name))],
          values.map((value) => Math.fround(value!)),
          name,
        )
      }
      await opened.close()
      counts.both++
    }
    assert.ok(counts.both >= 40 && counts.ours <= 20, JSON.stringify(counts))
  },
)

compatible(
  { what: 'weights with which a model computes NaN', outcome: 'refused', like: 'no loss and no score is made of it' },
  async () => {
    await setBackend(BACKEND)
    for (const name of NAMES.filter((each) => each !== 'clip')) {
      const { model, post, batch } = await openFixture(name)
      const last = Object.keys(model.shapes).at(-1)!
      const broken: Weights = {
        ...post,
        [last]: tf.fill(model.shapes[last]!, 3e38),
        ...Object.fromEntries(
          Object.keys(post)
            .filter((each) => /norm|bias/i.test(each))
            .map((each) => [each, tf.fill(model.shapes[each] ?? post[each]!.shape, 3e38)]),
        ),
      }
      await assert.rejects(
        lossOf(model, broken, [batch('main')]),
        oneLine(/the loss of item \d+ is (NaN|Infinity|-Infinity): what the model computes is beyond float32/),
        name,
      )
    }
    const pair = makePair()
    const folder = join(pair, 'post')
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Config
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, rms_norm_eps: -1 }))
    await assert.rejects(
      measureModel(folder, join(pair, 'items.jsonl')),
      oneLine(/post\/config\.json: rms_norm_eps must be at least 0; got -1/),
    )
    rmSync(pair, { recursive: true })
  },
)

compatible(
  { what: 'a named pipe, a folder or a device where a file is wanted', outcome: 'refused', like: 'give a file' },
  async () => {
    const folder = join(scratch, 'pipes')
    mkdirSync(folder)
    const pipe = join(folder, 'config.json')
    if (process.platform !== 'win32') {
      execFileSync('mkfifo', [pipe])
      await assert.rejects(openCheckpoint(folder), oneLine(/config\.json: is a named pipe; a file is wanted/))
      await assert.rejects(async () => readYaml(pipe, mergeSchema), oneLine(/is a named pipe; a file is wanted/))
      rmSync(pipe)
    }
    mkdirSync(join(folder, 'model.safetensors'))
    await assert.rejects(openCheckpoint(folder), oneLine(/model\.safetensors: is a folder; a file is wanted/))
    rmSync(join(folder, 'model.safetensors'), { recursive: true })
    for (const shard of ['.', '..', '', '../b', '/a', 'a\0b']) {
      writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: { x: shard } }))
      await assert.rejects(
        openCheckpoint(folder),
        oneLine(/is no path of a file in the folder, with \/ between its parts/),
        JSON.stringify(shard),
      )
    }
  },
)

compatible(
  { what: 'YAML whose alias contains itself', outcome: 'refused', like: 'write the values down' },
  async () => {
    const file = join(scratch, 'endless.yml')
    writeFileSync(file, 'models: &a [*a]\n')
    await assert.rejects(
      async () => readYaml(file, mergeSchema),
      oneLine(/endless\.yml:1:\d+: an alias contains itself/),
    )
  },
)

compatible(
  { what: 'an --out that cannot be written', outcome: 'refused', like: 'said before anything is computed' },
  async () => {
    writeFileSync(join(scratch, 'taken'), '')
    await assert.rejects(prepareFolder(join(scratch, 'taken', 'chart')), oneLine(/chart: cannot be written: .* \(E/))
    await prepareFolder(join(scratch, 'new', 'deep'))
  },
)
