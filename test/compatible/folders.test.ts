// Folders as the field's tools leave them: what an edited model takes along, and what becomes of config.json.
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { openCheckpoint, writeCheckpoint } from '../../src/checkpoint/index.js'
import { followLayers } from '../../src/merge/layer-config.js'
import { compatible } from './row.js'

const root = mkdtempSync(join(tmpdir(), 'folders-'))
after(() => rmSync(root, { recursive: true }))
let count = 0

/** A model's folder with more files in it: texts by path, or `→ target` for a link. */
function folderWith(files: Record<string, string>, folder = join(root, `model${count++}`)): string {
  cpSync('checkpoints/small/base', folder, { recursive: true })
  for (const [path, text] of Object.entries(files)) {
    const place = join(folder, path)
    mkdirSync(dirname(place), { recursive: true })
    rmSync(place, { force: true })
    if (text.startsWith('→ ')) symlinkSync(text.slice(2), place)
    else writeFileSync(place, text)
  }
  return folder
}

/** Its weights, written as every command writes them; the files asked for that are there, and what was said. */
async function rewrite(
  folder: string,
): Promise<{ out: string; said: string[]; has: (...paths: string[]) => string[] }> {
  const checkpoint = await openCheckpoint(folder)
  const { config, configText } = checkpoint
  const out = join(root, `out${count++}`)
  const said: string[] = []
  const tensors = [...checkpoint.tensors.keys()].map(async (name) => ({
    name,
    bytes: await checkpoint.readBytes(name),
  }))
  await writeCheckpoint(out, {
    plan: [...checkpoint.tensors.values()],
    tensors: await Promise.all(tensors),
    config,
    configText,
    copyFrom: folder,
    onWarning: (text) => said.push(text),
  })
  await checkpoint.close()
  return { out, said, has: (...paths) => paths.filter((path) => existsSync(join(out, path))) }
}

const config = () => readFileSync('checkpoints/small/base/config.json', 'utf8')
const withMap = (map: string) => config().replace('{', `{\n  "auto_map": ${map},`)

compatible(
  {
    what: 'A model with code of its own (`auto_map`)',
    outcome: 'read',
    like: 'transformers 5.18.0',
    note: 'its .py files come along; one that is missing is named',
  },
  async () => {
    const code = ['modeling_mine.py', 'tokenization_mine.py', 'layers/inner.py']
    const map =
      '{"AutoModelForCausalLM": "modeling_mine.MineForCausalLM", "AutoConfig": "configuration_mine.MineConfig", "AutoModel": "org/name--modeling_other.Other"}'
    const { said, has } = await rewrite(
      folderWith({ 'config.json': withMap(map), ...Object.fromEntries(code.map((path) => [path, ''])) }),
    )
    assert.deepEqual(has(...code), code)
    assert.equal(said.length, 1)
    assert.match(said[0]!, /config\.json names code in configuration_mine\.py \(auto_map\), which .* does not have/)
  },
)

compatible(
  {
    what: 'A folder of sentence-transformers (modules.json, 1_Pooling, 2_Dense with weights of its own)',
    outcome: 'read',
    like: 'sentence-transformers 5',
  },
  async () => {
    const files = [
      'modules.json',
      'sentence_bert_config.json',
      'config_sentence_transformers.json',
      '1_Pooling/config.json',
      '2_Dense/config.json',
      '2_Dense/model.safetensors',
    ]
    assert.deepEqual(
      (await rewrite(folderWith(Object.fromEntries(files.map((path) => [path, '{}']))))).has(...files),
      files,
    )
  },
)

compatible(
  {
    what: 'Vocabularies of any form (tekken.json, spm.model, *.tiktoken, bpe.codes, vocab.bpe), chat templates in a folder',
    outcome: 'read',
    like: 'transformers 5.18.0',
  },
  async () => {
    const files = [
      'tekken.json',
      'spm.model',
      'mine.tiktoken',
      'bpe.codes',
      'vocab.bpe',
      'source.spm',
      'additional_chat_templates/tool.jinja',
      'video_preprocessor_config.json',
      'NOTICE',
      'USE_POLICY.md',
    ]
    assert.deepEqual(
      (await rewrite(folderWith(Object.fromEntries(files.map((path) => [path, '{}']))))).has(...files),
      files,
    )
  },
)

compatible(
  {
    what: 'Other formats of the weights, checkpoints and the state of a trainer, caches, adapters beside a model',
    outcome: 'read',
    like: 'what they say is not of the edited model',
    note: 'they stay behind',
  },
  async () => {
    const files = [
      'pytorch_model.bin',
      'pytorch_model.bin.index.json',
      'tf_model.h5',
      'flax_model.msgpack',
      'rust_model.ot',
      'model.ckpt.index',
      'model.gguf',
      'consolidated.00.pth',
      'onnx/model.onnx',
      'onnx/config.json',
      'openvino/openvino_model.xml',
      'openvino/openvino_model.bin',
      'original/params.json',
      'checkpoint-500/config.json',
      'checkpoint-500/model.safetensors',
      'optimizer.pt',
      'scheduler.pt',
      'rng_state.pth',
      'trainer_state.json',
      'training_args.bin',
      'all_results.json',
      'runs/one/events.out.tfevents.1',
      '.git/config',
      '.cache/huggingface/x',
      '.gitattributes',
      '__pycache__/a.pyc',
      'adapter_config.json',
      'adapter_model.safetensors',
      'README.md',
      'quantize_config.json',
      'loss.csv',
    ]
    const { has, said } = await rewrite(folderWith(Object.fromEntries(files.map((path) => [path, '{}']))))
    assert.deepEqual(has(...files), [])
    assert.deepEqual(said, [])
  },
)

compatible(
  { what: "A snapshot of the hub's cache, whose files are links to blobs", outcome: 'read', like: 'huggingface_hub 1' },
  async () => {
    const store = join(root, 'models--org--name')
    const blob = join(store, 'blobs', 'a'.repeat(40))
    mkdirSync(dirname(blob), { recursive: true })
    writeFileSync(blob, 'code')
    const folder = folderWith(
      { 'modeling_mine.py': `→ ../../blobs/${'a'.repeat(40)}` },
      join(store, 'snapshots', 'c'.repeat(40)),
    )
    const { out, said } = await rewrite(folder)
    assert.equal(readFileSync(join(out, 'modeling_mine.py'), 'utf8'), 'code')
    assert.deepEqual(said, [])
  },
)

compatible(
  {
    what: 'Links in a folder that lead out of it',
    outcome: 'differs',
    like: 'cp -rL',
    note: 'those of tokenizers are followed, as loaders follow them; others stay behind and are named',
  },
  async () => {
    const outside = join(root, 'outside')
    mkdirSync(outside)
    for (const name of ['secret', 'merges.txt']) writeFileSync(join(outside, name), name)
    const { has, said } = await rewrite(
      folderWith({
        'notes.txt': `→ ${outside}/secret`,
        '1_Pooling': `→ ${outside}`,
        'gone.json': '→ nowhere',
        'self.json': '→ self.json',
        'merges.txt': `→ ${outside}/merges.txt`,
        'inside.txt': '→ tokenizer.json',
      }),
    )
    assert.deepEqual(has('notes.txt', '1_Pooling', 'gone.json', 'self.json', 'merges.txt', 'inside.txt'), [
      'merges.txt',
      'inside.txt',
    ])
    assert.deepEqual(said.map((text) => / is a (?:broken )?link[^:,]*/.exec(text)?.[0]).sort(), [
      ' is a broken link',
      ' is a broken link',
      ' is a link that leads out of its folder',
      ' is a link to a folder',
    ])
  },
)

compatible(
  {
    what: 'Numbers of config.json as Python writes them (8.0, 1e-05, integers beyond 2^53)',
    outcome: 'read',
    like: 'json of CPython 3.12',
  },
  async () => {
    const numbers = '"factor": 8.0, "eps": 1e-05, "large": 1e6, "big": 12345678901234567890, "none": -0.0,'
    const { out } = await rewrite(
      folderWith({
        'config.json': config()
          .replace('{', `{${numbers}`)
          .replace(/"(torch_)?dtype": "\w+"/, '"dtype": "float64"'),
      }),
    )
    const text = readFileSync(join(out, 'config.json'), 'utf8')
    assert.ok(text.startsWith(`{${numbers}`))
    assert.match(text, /"dtype": "float16"/)
  },
)

/** Tried with transformers: 17 architectures, three arrangements each, every layer opened with the weights and the kind of the layer it came from. */
const stacks = { like: 'transformers 5.18.0' } as const
const stacked = (config: Record<string, unknown>, order: number[]) =>
  followLayers(
    config,
    Number(config.num_hidden_layers),
    order.map((layer) => ({ config, label: 'model', layer })),
    () => assert.fail('nothing to say'),
  )

compatible(
  {
    what: 'Slices of a model whose config.json has lists by layer (`layer_types`, `no_rope_layers`, `mlp_layer_types` …)',
    outcome: 'read',
    ...stacks,
  },
  () => {
    const config = {
      num_hidden_layers: 3,
      layer_types: ['full_attention', 'full_attention', 'sliding_attention'],
      max_window_layers: 2,
      use_sliding_window: true,
    }
    assert.deepEqual(stacked(config, [0, 1, 1, 2]), {
      num_hidden_layers: 4,
      layer_types: ['full_attention', 'full_attention', 'full_attention', 'sliding_attention'],
      max_window_layers: 3,
      use_sliding_window: true,
    })
  },
)

compatible(
  {
    what: 'Slices of a model that lists layers by number (`mlp_only_layers`, `moe_layers`, `cross_attention_layers`, `full_attn_idxs` …)',
    outcome: 'read',
    ...stacks,
  },
  () => {
    assert.deepEqual(stacked({ num_hidden_layers: 4, mlp_only_layers: [1] }, [0, 1, 1, 2, 3]), {
      num_hidden_layers: 5,
      mlp_only_layers: [1, 2],
    })
  },
)

compatible(
  {
    what: 'Slices that a number in config.json cannot say (`first_k_dense_replace`, `attn_layer_period` …), or of encoders with decoders',
    outcome: 'refused',
    like: 'choose other slices',
  },
  () => {
    assert.throws(
      () => stacked({ num_hidden_layers: 4, first_k_dense_replace: 1 }, [0, 1, 0, 1]),
      /first_k_dense_replace \(1\) .* choose other slices/,
    )
    assert.throws(
      () => stacked({ num_hidden_layers: 4, attn_layer_period: 2 }, [1, 2]),
      /attn_layer_period \(2\) counts layers from the first/,
    )
  },
)
