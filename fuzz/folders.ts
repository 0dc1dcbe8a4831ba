// The files of a model's folder: weights, index, configurations, tokenizer, chat template, preprocessor, adapter.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openAdapter, openCheckpoint } from '../src/checkpoint/index.js'
import { packageRoot } from '../src/files/index.js'
import { lossOf } from '../src/loss/index.js'
import { type Batch, loadModel } from '../src/models/index.js'
import { measureModel } from '../src/run/index.js'
import { loadImageReader, readPixels } from '../src/tasks/index.js'
import { setBackend, tf } from '../src/tensor/index.js'
import { loadChat, loadTokenizer, readChatTemplate } from '../src/tokenizer/index.js'
import { safetensors, writeModel } from '../test/checkpoint/adapters.js'
import { makePair } from '../test/run/pair.js'
import { digest, type Kind, type Sample } from './kind.js'
import { sumsOf } from './weights.js'

const fixture = (...path: string[]) => join(packageRoot, 'test', 'fixtures', ...path)

/** A row of six tokens, or an image, with a label of every objective. */
function batchFor(pixels: number, classes?: Float32Array): Batch {
  const six = (value: (i: number) => number) => Int32Array.from({ length: 6 }, (_, i) => value(i))
  return {
    rows: 1,
    columns: 6,
    ids: six((i) => i + 3),
    mask: six(() => 1),
    positions: six((i) => i),
    labels: six((i) => i + 3),
    items: Int32Array.of(0),
    targets: Float32Array.of(0),
    types: six(() => 0),
    ...(pixels && { pixels: Float32Array.from({ length: 3 * pixels * pixels }, (_, i) => Math.sin(i)) }),
    ...(classes && { classes }),
  }
}

/** Loss of a folder's model on one row. */
async function lossIn(folder: string, batch: Batch): Promise<unknown> {
  await setBackend('wasm')
  const checkpoint = await openCheckpoint(folder)
  const weights: Record<string, tf.Tensor> = {}
  try {
    const model = loadModel(
      checkpoint.config ?? {},
      Object.fromEntries([...checkpoint.tensors].map(([name, { shape }]) => [name, shape])),
    )
    for (const [name, shape] of Object.entries(model.shapes))
      weights[name] = tf.tensor(await checkpoint.read(name), shape)
    return (await lossOf(model, weights, [batch])).mean
  } finally {
    tf.dispose(weights)
    await checkpoint.close()
  }
}

const MODELS = [
  'llama3',
  'qwen2',
  'mistral',
  'gpt2',
  'bert',
  'bert-mlm',
  'roberta',
  'roberta-regression',
  'vit',
  'clip',
]
const TOKENIZERS = ['bert-wordpiece', 'llama2-bpe', 'llama3-bpe', 'qwen2-bpe', 'roberta-bpe', 'unigram']
const TEXTS = ['Hello, world!', 'naïve  ﬁ 你好 <unk>', '']

const copied = (name: string, side: string, folder: string): string => {
  const to = join(folder, name)
  cpSync(fixture('models', name, side), to, { recursive: true })
  return to
}

/** Commands run on a pair of their own, whose post-trained side holds the changed file. */
function inPair(file: string): Sample {
  const pair = makePair()
  const path = join(pair, 'post', file)
  const command = ['eval', join(pair, 'post'), '--task', join(pair, 'items.jsonl'), '--items', '2']
  return {
    file: path,
    command,
    read: async () =>
      (await setBackend('wasm')) && measureModel(join(pair, 'post'), join(pair, 'items.jsonl'), { items: 1 }),
  }
}

async function encodedIn(folder: string): Promise<unknown> {
  const tokenizer = await loadTokenizer(folder)
  const lists = await tokenizer.encode(TEXTS, { special: true })
  const stray = lists.flat().find((id) => !Number.isInteger(id) || id < 0)
  if (stray !== undefined) throw new Error(`the id ${stray}`)
  return [lists, tokenizer.eos, tokenizer.pad, lists.map((ids) => tokenizer.decode(ids))]
}

const tokenizers =
  (file: string) =>
  (folder: string): Sample[] => [
    ...TOKENIZERS.map((name) => {
      const to = join(folder, name)
      cpSync(fixture('tokenizers', name), to, { recursive: true })
      return { file: join(to, file), read: () => encodedIn(to) }
    }),
    inPair(file),
  ]

const MESSAGES = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hello?' },
]

function chats(folder: string): Sample[] {
  const to = join(folder, 'chat')
  cpSync(fixture('tokenizers', 'llama3-bpe'), to, { recursive: true })
  const file = join(to, 'tokenizer_config.json')
  const template =
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] | trim }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), chat_template: template }))
  const read = async () => (await readChatTemplate(to)) && [(await loadChat(to))(MESSAGES, { answer: true })]
  writeFileSync(join(folder, 'chat_template.jinja'), template)
  cpSync(join(to, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'))
  return [
    { file, read },
    {
      file: join(folder, 'chat_template.jinja'),
      read: async () => [(await loadChat(folder))(MESSAGES, { answer: true })],
    },
  ]
}

const A = 'base_model.model.model.layers.0.q.lora_A.weight'
const B = A.replace('lora_A', 'lora_B')

function adapter(folder: string, file: string): Sample[] {
  const base = writeModel(join(folder, 'base'), {
    'model.layers.0.q.weight': [
      [2, 3],
      [1, 2, 3, 4, 5, 6],
    ],
    'model.norm.weight': [[3], [1, 1, 1]],
  })
  const to = join(folder, 'adapter')
  mkdirSync(to)
  writeFileSync(
    join(to, 'adapter_config.json'),
    JSON.stringify({
      peft_type: 'LORA',
      base_model_name_or_path: '../base',
      r: 1,
      lora_alpha: 2,
      target_modules: ['q'],
      bias: 'none',
      use_rslora: false,
      rank_pattern: { 'layers.0.q': 1, 'x.*': 4 },
      alpha_pattern: { q: 3 },
      modules_to_save: null,
      target_parameters: [],
      trainable_token_indices: null,
      init_lora_weights: true,
      task_type: 'CAUSAL_LM',
    }),
  )
  writeFileSync(
    join(to, 'adapter_model.safetensors'),
    safetensors({
      [A]: [
        [1, 3],
        [1, 2, 3],
      ],
      [B]: [
        [2, 1],
        [4, 5],
      ],
    }),
  )
  const read = async () => {
    const opened = await openCheckpoint(base)
    return sumsOf(openAdapter(to, opened)).finally(() => opened.close())
  }
  return [{ file: join(to, file), read, command: ['inspect', base, to] }]
}

export const FOLDERS: Kind[] = [
  {
    name: 'weights',
    form: 'safetensors',
    open(folder) {
      const [base, post] = [copied('gpt2', 'base', folder), copied('llama3', 'post', folder)]
      const pair = inPair('model.safetensors')
      const samples = [base, post].map((each) => ({
        file: join(each, 'model.safetensors'),
        read: () => sumsOf(openCheckpoint(each)),
      }))
      return [...samples, pair]
    },
  },
  {
    name: 'index',
    form: 'json',
    open(folder) {
      const to = copied('llama3', 'post-bf16', folder)
      return [
        {
          file: join(to, 'model.safetensors.index.json'),
          read: () => sumsOf(openCheckpoint(to)),
          command: ['inspect', to, to],
        },
      ]
    },
  },
  {
    name: 'config',
    form: 'json',
    open: (folder) => [
      ...MODELS.map((name): Sample => {
        const to = copied(name, 'post', folder)
        const config = JSON.parse(readFileSync(join(to, 'config.json'), 'utf8'))
        const { image_size: size = 0 } = config.vision_config ?? config
        const classes =
          name === 'clip' ? Float32Array.from({ length: 2 * config.projection_dim }, (_, i) => Math.cos(i)) : undefined
        return { file: join(to, 'config.json'), read: () => lossIn(to, batchFor(size, classes)) }
      }),
      inPair('config.json'),
    ],
  },
  { name: 'tokenizer', form: 'json', open: tokenizers('tokenizer.json') },
  { name: 'tokenizer_config', form: 'json', open: tokenizers('tokenizer_config.json') },
  { name: 'chat template', form: 'json', open: (folder) => chats(folder).slice(0, 1) },
  { name: 'chat template file', form: 'text', open: (folder) => chats(folder).slice(1) },
  {
    name: 'generation_config',
    form: 'json',
    open() {
      const sample = inPair('generation_config.json')
      writeFileSync(
        sample.file,
        JSON.stringify({
          bos_token_id: 1,
          eos_token_id: [2, 5],
          do_sample: false,
          max_length: 20,
          temperature: 1.0,
          transformers_version: '5.18.0',
        }),
      )
      return [sample]
    },
  },
  { name: 'adapter_config', form: 'json', open: (folder) => adapter(folder, 'adapter_config.json') },
  { name: 'adapter weights', form: 'safetensors', open: (folder) => adapter(folder, 'adapter_model.safetensors') },
  {
    name: 'preprocessor_config',
    form: 'json',
    open: (folder) =>
      ['CLIPImageProcessor', 'ViTImageProcessor'].map((kind): Sample => {
        const to = join(folder, kind)
        mkdirSync(to)
        const file = join(to, 'preprocessor_config.json')
        const settings = {
          do_resize: true,
          resample: 3,
          do_rescale: true,
          rescale_factor: 0.00392156862745098,
          do_normalize: true,
          image_mean: [0.5, 0.5, 0.5],
          image_std: [0.5, 0.5, 0.5],
        }
        writeFileSync(
          file,
          JSON.stringify({
            image_processor_type: kind,
            size: kind.startsWith('CLIP') ? { shortest_edge: 32 } : { height: 32, width: 32 },
            ...(kind.startsWith('CLIP') && { do_center_crop: true, crop_size: { height: 32, width: 32 } }),
            ...settings,
          }),
        )
        return {
          file,
          read: async () => digest(readPixels([{ image: fixture('images', 'wide.jpg') }], await loadImageReader(to))),
        }
      }),
  },
]
