// What people give where a model or a task is wanted, and is none: the line names the thing itself and what to do.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { loadModel } from '../../src/models/index.js'
import { loadTask } from '../../src/tasks/index.js'
import { compatible } from './row.js'

/** A folder of these files, empty ones by name alone. */
type Files = string[] | Record<string, string>

/** Folders are refused in these words. @param open the name in the folder that is opened; the folder by default */
const refused = (what: string, like: string, cases: [files: Files, words: RegExp, open?: string][]) =>
  compatible({ what, outcome: 'refused', like }, async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    for (const [i, [files, words, open = '']] of cases.entries()) {
      const folder = join(root, String(i))
      mkdirSync(folder)
      const texts = Array.isArray(files)
        ? Object.fromEntries(files.map((name) => [name, name === 'config.json' ? '{}' : 'x']))
        : files
      for (const [name, text] of Object.entries(texts)) {
        mkdirSync(dirname(join(folder, name)), { recursive: true })
        writeFileSync(join(folder, name), text, 'latin1')
      }
      await assert.rejects(openCheckpoint(join(folder, open)), ({ name, message }: Error) => {
        assert.equal(name, 'UserError')
        assert.match(message, words)
        return true
      })
    }
  })

const LFS = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'
const SMALL = '\x02\0\0\0\0\0\0\0{}'
const weights = (text: string): Files => ({ 'model.safetensors': text, 'config.json': '{"model_type":"llama"}' })

refused('A pointer of Git LFS, git-annex or DVC as weights, index or config.json', 'fetch it as the line says', [
  [weights(LFS), /model\.safetensors: is a pointer of Git LFS, not the file: fetch it with "git lfs pull"/],
  [{ 'model.safetensors.index.json': LFS }, /index\.json: is a pointer of Git LFS/],
  [{ 'config.json': LFS, 'model.safetensors': 'x' }, /config\.json: is a pointer of Git LFS/],
  [weights('/annex/objects/SHA256E-s9--0.safetensors\n'), /is a pointer of git-annex.*git annex get/],
  [
    ['model.safetensors.dvc', 'config.json', 'tokenizer.json'],
    /model\.safetensors\.dvc: a pointer of DVC, not the file: fetch it with "dvc pull"$/,
  ],
  [['pytorch_model.bin.dvc', 'config.json.dvc'], /pytorch_model\.bin\.dvc: a pointer of DVC/],
])
refused('The answer of a server as weights: HTML, XML, JSON, text; an empty file, or zeros', 'the download failed', [
  [weights('<!DOCTYPE html>\n<html>'), /is an HTML page: the download failed/],
  [
    weights('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
    /is an XML text, such as the error of a server/,
  ],
  [weights('{"error":"Repository not found"}'), /is JSON text: perhaps the error of a server/],
  [weights('Entry not found'), /is a text that begins with "Entry not found": the download failed\?/],
  [{ 'config.json': 'a: 1\n', 'model.safetensors': 'x' }, /config\.json: is no JSON: it begins with "a: 1"$/],
  [weights(''), /is empty: the download failed or was stopped; fetch the file again/],
  [weights('\0'.repeat(600)), /is zeros at its beginning: the download failed or was stopped/],
])
refused('Weights of one format under the name of another; archives and data as weights', 'says what the file is', [
  [weights('PK\x03\x04'.padEnd(80)), /is a zip archive: unpack it/],
  [weights('\x1f\x8b\x08'.padEnd(80)), /is packed by gzip: unpack it/],
  [weights('PAR1'.padEnd(80)), /is a Parquet file, which holds data and no weights/],
  [weights('GGUF\x03\0\0\0'.padEnd(80)), /is a GGUF file: its name must end in \.gguf/],
  [weights('\x89HDF\r\n\x1a\n'.padEnd(80)), /is an HDF5 file of Keras or TensorFlow/],
  [weights('\x80\x02}q\0.'.padEnd(80)), /is a pickle, such as torch\.save writes: its name must end in \.bin/],
  [
    { 'pytorch_model.bin': '\x10\0\0\0\0\0\0\0{"a":1}         ' },
    /is a safetensors file: its name must end in \.safetensors/,
  ],
  [{ 'pytorch_model.bin': '\x80\x04\x95'.padEnd(80) }, /is a pickle that torch\.save did not write, and is not opened/],
])
refused('Shards without their index', 'fetch it, or write it', [
  [
    ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'config.json'],
    /shards are there \(model-00001-of-00002\.safetensors, model-00002-of-00002\.safetensors\), and their index model\.safetensors\.index\.json is missing/,
  ],
  [
    ['pytorch_model-00001-of-00003.bin'],
    /\(pytorch_model-00001-of-00003\.bin, 1 of 3\), and their index pytorch_model\.bin\.index\.json is missing/,
  ],
  [
    ['ft-model-00001-of-00002.safetensors', 'ft-model-00002-of-00002.safetensors'],
    /\(ft-model-00001-of-00002\.safetensors, .*\), and their index model\.safetensors\.index\.json is missing/,
  ],
  [
    ['model-00001-of-00001.safetensors', 'Model.safetensors.index.json'],
    /\(model-00001-of-00001\.safetensors\); name their index Model\.safetensors\.index\.json model\.safetensors\.index\.json$/,
  ],
  [
    ['pytorch_model.bin/pytorch_model-00001-of-00002.bin', 'pytorch_model.bin/pytorch_model.bin.index.json'],
    /nor pytorch_model\.bin is there; a model lies in .*pytorch_model\.bin: give that folder/,
  ],
])
refused('Weights under a name of their own; a download that did not end', 'says which file is there', [
  [['Model.SafeTensors', 'config.json'], /Model\.SafeTensors is there: .*, name it model\.safetensors/],
  [['MODEL.GGUF'], /MODEL\.GGUF: a model of GGUF has a name that ends in \.gguf/],
  [
    ['tuned.safetensors', 'config.json'],
    /tuned\.safetensors is there: if it holds the whole model, name it model\.safetensors/,
  ],
  [['a.safetensors', 'b.safetensors'], /a\.safetensors, b\.safetensors are there under names of their own/],
  [['epoch=3.ckpt'], /epoch=3\.ckpt is there: if it holds the whole model, name it pytorch_model\.bin/],
  [['model.safetensors.incomplete'], /a download that did not end; fetch it again/],
  [['model.safetensors.download', 'config.json'], /model\.safetensors\.download: a download that did not end/],
])
refused('A file beside what its download keeps until it has ended: aria2 1.37, axel 2.17, lftp 4.9', 'let it finish', [
  [
    { 'model.safetensors': SMALL, 'model.safetensors.aria2': 'x' },
    /did not end, as .*\.aria2 beside it says; let aria2/,
  ],
  [{ 'pytorch_model.bin': 'x', 'pytorch_model.bin.st': 'x' }, /did not end, as .*\.st beside it says; let axel/],
  [{ 'm.gguf': 'GGUF', 'm.gguf.lftp-pget-status': 'x' }, /did not end, as .*-status beside it says; let lftp/],
])
refused('Shards of a variant of the weights (fp16)', 'the name to give its index', [
  [
    ['model.safetensors.index.fp16.json', 'model.fp16-00001-of-00001.safetensors'],
    /index of the variant fp16: name it model\.safetensors\.index\.json/,
  ],
])
refused("Mistral's and Meta's own layouts (consolidated)", 'the layout of transformers, or how to convert it', [
  [['consolidated.safetensors', 'params.json', 'tekken.json'], /consolidated\.safetensors: Mistral's own layout/],
  [['consolidated.00.pth', 'params.json'], /consolidated\.00\.pth: Meta's own layout/],
])
refused(
  'Models of TensorFlow, Flax, ONNX, OpenVINO, NumPy, Rust, old llama.cpp; archives',
  'the model that it was made from',
  [
    [['tf_model.h5'], /tf_model\.h5: weights of TensorFlow, which are not read/],
    [['flax_model.msgpack'], /weights of Flax/],
    [['onnx/model.onnx', 'config.json'], /onnx\/model\.onnx: a model of ONNX/],
    [['openvino_model.xml', 'openvino_model.bin'], /a model of OpenVINO/],
    [['weights.npz'], /arrays of NumPy or old MLX/],
    [['rust_model.ot'], /rust_model\.ot: a format that is not read/],
    [['ggml-model-q4_0.bin'], /a file of llama\.cpp from before GGUF/],
    [['model.tar.gz'], /model\.tar\.gz: an archive; unpack it/],
    [['model_state.pdparams'], /model_state\.pdparams: a format that is not read/],
    [['model.pkl', 'config.json'], /model\.pkl: a format that is not read/],
    [['model.tensors', 'config.json'], /model\.tensors: a format that is not read/],
    [['qmodel.pt', 'config.json'], /qmodel\.pt: weights quantised by HQQ in its own format, which is not read; give/],
  ],
)
refused('LoRA of diffusers and kohya; a part of a pipeline by itself', 'what reads it, or the name to give', [
  [['pytorch_lora_weights.safetensors'], /a LoRA of diffusers, which is not read; fuse it there/],
  [
    { 'style.safetensors': '..{"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight":{}}' },
    /style\.safetensors: a LoRA without the adapter_config\.json of peft/,
  ],
  [
    ['diffusion_pytorch_model.safetensors', 'config.json'],
    /a part of a pipeline of diffusers, .*: name them as transformers does \(model\.safetensors\)/,
  ],
])
refused('The state of a training: optimizer, DeepSpeed, FSDP, Megatron', 'how weights are made of it', [
  [
    ['optimizer.pt', 'scheduler.pt', 'rng_state.pth', 'trainer_state.json'],
    /the state of a training without its weights/,
  ],
  [['optimizer.bin', 'sampler_1.bin', 'dl_state_dict.bin', 'random_states_0.pkl'], /the state of a training without/],
  [
    ['global_step100/mp_rank_00_model_states.pt', 'zero_to_fp32.py'],
    /DeepSpeed; make weights of it with "python zero_to_fp32\.py/,
  ],
  [['pytorch_model_fsdp_0/__0_0.distcp'], /make weights of it with "accelerate merge-weights" \(FSDP\)/],
  [['actor/model_world_size_8_rank_0.pt'], /verl; make weights of them with "python -m verl\.model_merger merge"/],
  [['__0_0.distcp', '.metadata'], /FSDP/],
  [['iter_0000100/mp_rank_00/model_optim_rng.pt'], /Megatron/],
])
refused('A folder of something else, or one too high', 'the folder to give', [
  [
    ['model_index.json', 'unet/diffusion_pytorch_model.safetensors', 'text_encoder/model.safetensors'],
    /a pipeline of diffusers.*parts of transformers are text_encoder/,
  ],
  [['modules.json', '0_Transformer/pytorch_model.bin'], /a model lies in .*0_Transformer: give that folder/],
  [
    ['checkpoint-500/model.safetensors', 'checkpoint-1000/model.safetensors'],
    /lie in checkpoint-1000, checkpoint-500: give the folder of one/,
  ],
  [
    ['snapshots/abc/model.safetensors', 'refs/main'],
    /a folder of the hub's cache, whose models lie in .*snapshots\/abc/,
  ],
  [['dataset_info.json', 'data-00000-of-00001.arrow'], /a data set and no model/],
  [['data/train-00000-of-00001.parquet', 'README.md'], /a data set and no model/],
  [['adapter_model.safetensors'], /an adapter without its adapter_config\.json/],
  [['config.json', 'tokenizer.json'], /config\.json is there without weights/],
  [['tokenizer.json', 'tokenizer_config.json'], /a tokenizer is there alone/],
  [{}, /the folder is empty/],
])
refused('A file where the folder of a model is wanted', 'its folder, or the command that reads it', [
  [['model.safetensors'], /is a file of weights; give its folder/, 'model.safetensors'],
  [['config.json'], /is a file of a model; give its folder/, 'config.json'],
  [['merge.yml'], /is a YAML file; "deltalab sweep" and "deltalab merge" read those/, 'merge.yml'],
  [['items.jsonl'], /is a data file; the folder of a model is wanted/, 'items.jsonl'],
  [{ 'notes.txt': 'hello' }, /is a text that begins with "hello"; the folder of a model is wanted/, 'notes.txt'],
  [[], /no such file/, 'model.gguf'],
])

compatible(
  { what: 'A link to a file that is gone', outcome: 'refused', like: 'says where it leads' },
  async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    symlinkSync('../blobs/gone', join(root, 'model.safetensors'))
    await assert.rejects(openCheckpoint(root), /model\.safetensors: is a link to \.\.\/blobs\/gone, which is not there/)
  },
)

compatible(
  {
    what: 'A config.json of a tokenizer, an adapter, a part of diffusers …',
    outcome: 'refused',
    like: 'the config.json of the model is wanted',
  },
  () => {
    for (const [config, words] of [
      [{ tokenizer_class: 'LlamaTokenizer' }, /is that of a tokenizer/],
      [{ peft_type: 'LORA' }, /is that of an adapter/],
      [{ _class_name: 'UNet2DConditionModel' }, /is that of a part of diffusers/],
      [{ dim: 4096, n_layers: 32 }, /is that of Meta's or Mistral's own layout/],
    ] as const)
      assert.throws(() => loadModel(config), words)
  },
)

compatible(
  { what: 'A JSON array, another file or a folder as a task', outcome: 'refused', like: 'how to make JSONL of it' },
  async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    const write = (name: string, text: string) => (writeFileSync(join(root, name), text), join(root, name))
    const items = '[\n  {"prompt": "a", "target": "b"}\n]\n'
    for (const [task, words] of [
      [
        write('items.json', items),
        /holds a JSON array: write each entry in a line of its own \(jq -c '\.\[\]' .*items\.json > items\.jsonl\); a task is a JSONL file/,
      ],
      [write('array.jsonl', items), /holds a JSON array; an object in each line is wanted/],
      [
        write('one.json', '{"prompt": "a", "target": "b"}\n'),
        /is JSON: where each line holds an object, let its name end in \.jsonl/,
      ],
      [write('items.csv', 'prompt,target\na,b\n'), /is data: write a card whose "data" names it/],
      [write('items.txt', 'a b\n'), /is a text that begins with "a b"; a task is a JSONL file/],
      [root, /is a folder; a task is a JSONL file/],
      [join(root, 'gone.json'), /no such file; a task is a JSONL file/],
    ] as const)
      await assert.rejects(
        loadTask(task),
        ({ name, message }: Error) => (assert.equal(name, 'UserError'), assert.match(message, words), true),
      )
  },
)
