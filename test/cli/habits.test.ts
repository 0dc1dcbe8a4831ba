// What people type from habit (mergekit, peft, transformers, lm-evaluation-harness), and the exact answer to each; nothing is computed.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporary } from '../checkpoint/files.js'
import { call } from './call.js'

const root = temporary()
const write = (name: string, text: string) => writeFileSync(join(root, name), text)
write(
  'ties.yml',
  'models:\n  - { model: a, parameters: { density: 0.5, weight: 1 } }\nmerge_method: ties\nbase_model: b\n',
)
write('method.yml', 'models: [{ model: a }]\nmerge_method: moe\n')
write('dare_ties.yml', 'models: [{ model: a }]\nmerger: dare_ties\n')
write('moe.yml', 'base_model: a\ngate_mode: hidden\nexperts: [{ source_model: a }]\n')
write('harness.yaml', 'task: t\ndataset_path: d\ndoc_to_text: q\nmetric_list: []\n')
const study = (text: string) => `name: x\nmodels: [{ name: m, base: a, post: b, tasks: [math] }]\n${text}\nseeds: 2\n`
write('study.yaml', study('editors: [{ editor: expo, alpha: 0 }]'))
write('density.yaml', study('editors: [{ editor: expo, density: 0.1, alpha: 0 }]'))
write('limit.yaml', study('editors: [{ editor: expo, alpha: 0 }]\nscore: { limit: 4 }'))
write('method.yaml', study('method: expo'))
write('stages.yaml', study('stages: [{ editor: expo }]'))
write('notes.txt', 'said: "a: b"')
write('mine.json', '{"a": 1}')
mkdirSync(join(root, 'folder'))

const MOE = "mergekit's moe builds a mixture of experts; deltalab merges weights only"
write('layers.yml', 'layer_slices: [{ model: a, start: 0, end: 8 }]\n')
write('evolve.yml', 'genome: { models: [a, b], merge_method: ties }\ntasks: [{ name: t }]\n')
const LAYERS =
  'layer_slices of bakllama are slices here: merge_method: passthrough, slices: [{sources: [{model: …, layer_range: [start, end]}]}]'
const EVOLVE =
  'this is a file of mergekit-evolve; there is no evolutionary search: deltalab sweep tries lists of options'
const DEVICE =
  '--backend chooses what computes losses (webgpu, or tensorflow after deltalab native install); edits and merges use the cores alone'
const MODELS =
  'models are arguments: deltalab eval <model>, deltalab edit <base> <post>; those of a merge stand in its file'
const option = (name: string, answer: string) => `unknown option "${name}"; ${answer}`
const command = (name: string, answer: string) => `unknown command "${name}"; ${answer}`

/** Command lines, and the line on stderr behind `deltalab: `. */
const CASES: readonly (readonly [words: string, answer: string])[] = [
  // Commands of other tools, and names of methods as commands.
  ['diff base post', command('diff', 'deltalab inspect <base> <post> shows what a delta looks like')],
  ['moe moe.yml out', command('moe', MOE)],
  ['mergekit-yaml ties.yml out', command('mergekit-yaml', 'deltalab merge reads the YAML files of mergekit')],
  [
    'mergekit-extract-lora --model a --base-model b',
    command('mergekit-extract-lora', 'deltalab extract <base> <post> writes the delta as a LoRA adapter'),
  ],
  [
    'prune base post',
    command('prune', 'deltalab edit <base> <post> --editor magnitude --drop 0.5 --out <folder> prunes the delta'),
  ],
  [
    'quantize base post',
    command(
      'quantize',
      'deltalab edit quantises the delta with --editor quantise, --editor bitdelta or --editor delta_come',
    ),
  ],
  [
    'svd base post',
    command(
      'svd',
      'truncated SVDs are made by deltalab extract (an adapter) and by deltalab edit --editor lowrank (weights)',
    ),
  ],
  [
    'mergekit-legacy out --merge a',
    command(
      'mergekit-legacy',
      'deltalab merge reads a file: write merge_method, base_model, models and parameters into it',
    ),
  ],
  ['bakllama layers.yml out', command('bakllama', LAYERS)],
  ['merge layers.yml out', `layers.yml:1:1: layer_slices: ${LAYERS}`],
  ['merge evolve.yml out', `evolve.yml:1:1: genome: ${EVOLVE}`],
  ['lm_eval --tasks math', command('lm_eval', 'deltalab eval <model> --task <task> measures a model')],
  ['dare base post', command('dare', 'dare is an editor: deltalab edit <base> <post> --editor dare --out <folder>')],
  [
    'dare_ties a b',
    command(
      'dare_ties',
      'dare_ties is a merge method: a file with merge_method: dare_ties, and deltalab merge <file> --out <folder>',
    ),
  ],
  [
    'fisher a',
    command('fisher', 'fisher is a merger: a file with merger: fisher, and deltalab merge <file> --out <folder>'),
  ],
  ['gsm8k a', command('gsm8k', 'gsm8k is a task: deltalab eval <model> --task gsm8k')],
  // Options of mergekit.
  ['eval a --task math --cuda', option('--cuda', DEVICE)],
  [
    'edit base post --lazy-unpickle',
    option('--lazy-unpickle', 'weights are always read in parts, and no code in a file is run'),
  ],
  [
    'edit base post --allow-crimes',
    option(
      '--allow-crimes',
      'there is nothing to allow: models are merged if the names and shapes of their tensors agree',
    ),
  ],
  ['edit base post --copy-tokenizer', option('--copy-tokenizer', 'the tokenizer is always copied')],
  [
    'edit base post --low-cpu-memory',
    option('--low-cpu-memory', '--memory bounds the memory, for example --memory 2GB'),
  ],
  ['edit base post --out-shard-size 5B', option('--out-shard-size', '--shard-size is the largest weight file, in GB')],
  [
    'edit base post --trust-remote-code',
    option(
      '--trust-remote-code',
      'no code of a model is ever run; deltalab models lists the architectures that have losses and scores',
    ),
  ],
  ['edit base post --random-seed 1', option('--random-seed', '--seed is the seed of random draws')],
  ['edit base post --no-write-model-card', option('--no-write-model-card', 'a model card is always written')],
  [
    'merge ties.yml out --out-shard-size 1.5B',
    '--out-shard-size must be a whole number of bytes, perhaps with K, M or B (5B is 5 GB); got "1.5B"',
  ],
  ['merge ties.yml out --density 0.5', option('--density', 'a density is a parameter of a model in the merge file')],
  ['merge ties.yml', '--out is missing; usage: deltalab merge <config> --out <folder>'],
  ['merge ties.yml out more', 'merge does not take the argument "more"; usage: deltalab merge <config> --out <folder>'],
  [
    'merge ties.yml one --out two',
    'out is given twice, as --out and by its place; usage: deltalab merge <config> --out <folder>',
  ],
  // Options of peft and transformers.
  ['edit base post --density 0.1', option('--density', '--drop is what a density leaves: --drop 0.9 keeps 0.1')],
  [
    'edit base post --drop_rate 0.9',
    option('--drop_rate', 'did you mean "--drop-rate"? deltalab edit --help lists the options'),
  ],
  ['edit base post --method dare', option('--method', '--editor names the edit')],
  ['edit base post --output_dir out', option('--output_dir', '--out (-o) is where the output goes')],
  ['edit base post --bf16', option('--bf16', '--dtype is the format that is written; all is computed in float32')],
  [
    'edit base post --overwrite-output-dir',
    option('--overwrite-output-dir', '--overwrite replaces what deltalab wrote'),
  ],
  ['edit --model_name_or_path gpt2', option('--model_name_or_path', MODELS)],
  ['edit base post --foo', option('--foo', 'deltalab edit --help lists the options')],
  ['extract base post -r 8', option('-r', '--rank is the number of singular values that are kept')],
  [
    'extract base post --target-modules q_proj',
    option(
      '--target-modules',
      '--include takes names of tensors with *, role:<role>, or linear (the matrices of layers)',
    ),
  ],
  ['train x.yaml --learning_rate 1e-4', option('--learning_rate', 'this stands in the recipe of deltalab train')],
  [
    'edit base post',
    '--editor and --out are missing; usage: deltalab edit <base> <post> --editor <editor> --out <folder>',
  ],
  ['edit base', '<post> is missing; usage: deltalab edit <base> <post> --editor <editor> --out <folder>'],
  [
    'edit base post out --editor dare --out x',
    'edit does not take the argument "out"; usage: deltalab edit <base> <post> --editor <editor> --out <folder>',
  ],
  ['edit base post --editor dare --out x --out y', '--out is given twice'],
  ['edit base post --editor dare --out', '--out has no value'],
  [
    'edit base post --out x --editor svd',
    'unknown editor "svd"; the editor lowrank keeps the leading singular triplets',
  ],
  [
    'edit base post --out x --editor prune',
    'unknown editor "prune"; the editor magnitude drops the entries of least magnitude',
  ],
  [
    'edit base post --out x --editor ties',
    'ties is not an editor, but a merger: it stands in a merge file, or under merges',
  ],
  [
    'edit bse post --out x --editor expo --alpha 0',
    'bse: no such checkpoint folder, and it is not in none, and HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids to download it',
  ],
  // Options of lm-evaluation-harness.
  [
    'eval model --tasks math --num_fewshot 5',
    option('--num_fewshot', '--task gsm8k:5 puts five examples before each prompt'),
  ],
  ['eval model --tasks math --limit 10', option('--limit', '--items is the number of items')],
  [
    'eval model --tasks math --batch_size auto',
    option('--batch_size', 'deltalab chooses the batches; a recipe of deltalab train has the key batch'),
  ],
  ['eval --model_args pretrained=gpt2 --tasks math', option('--model_args', MODELS)],
  ['eval model --tasks math --device cuda:0', option('--device', DEVICE)],
  [
    'eval model --tasks math --apply_chat_template',
    option('--apply_chat_template', '--chat puts prompts through the chat template'),
  ],
  ['eval model --tasks math --output_path out', option('--output_path', 'the result is printed; > file keeps it')],
  [
    'eval model --task math code',
    'eval does not take the argument "code"; several tasks are written --task math,code; usage: deltalab eval <model> (--task <task> | --text <file>)',
  ],
  [
    'compress base post --lossless',
    '--out is missing; usage: deltalab compress <base> <post> --out <file> (--lossless | --codec <name> | --budget <size> | --bitdelta)',
  ],
  ['soup a b --task math,code', '--task is one task here; got math,code: call the command once for each'],
  [
    'eval model --task harness.yaml',
    'harness.yaml:2:1: dataset_path: this is a task of lm-evaluation-harness; a card of deltalab has kind, data, prompt and metric (docs/tasks.md)',
  ],
  // Files of another kind, and their keys.
  ['sweep ties.yml', 'ties.yml:3:1: merge_method: this is a merge file: deltalab merge reads it'],
  ['plan ties.yml', 'ties.yml:3:1: merge_method: this is a merge file: deltalab merge reads it'],
  ['merge study.yaml out', 'study.yaml:3:1: editors: this is an experiment: deltalab sweep reads it'],
  [
    'merge moe.yml out',
    `moe.yml:2:1: gate_mode: this is a file of mergekit's moe, which builds a mixture of experts; deltalab merges weights only`,
  ],
  [
    'merge method.yml out',
    `method.yml:2:1: merge_method: unknown merge_method "moe"; mergekit's moe builds a mixture of experts; deltalab merges weights only`,
  ],
  [
    'merge dare_ties.yml out',
    'dare_ties.yml:2:1: merger: unknown merger "dare_ties"; this is a method of mergekit: merge_method in a merge file; in a sweep, the merger ties or task_arithmetic with an edit (dare, magprune, breadcrumbs)',
  ],
  [
    'sweep density.yaml',
    'density.yaml:3:27: editors[0].density: unknown option of expo "density"; a density is what is kept: drop_rate is 1 − density',
  ],
  ['sweep limit.yaml', 'limit.yaml:4:10: score.limit: unknown key "limit"; items is the number of items'],
  [
    'plan stages.yaml',
    'stages.yaml:3:1: stages: unknown key "stages"; edits that follow each other are a chain in an entry of editors: {chain: [{editor: …}, {editor: …}]}; other ones are further entries',
  ],
  [
    'attribute base post --editor expo --alpha 0 --task math --steps 1000000000',
    '--steps must be at most 10000; got 1000000000',
  ],
  [
    'sweep study.yaml --shard 1/4000000000',
    '--shard is a number and how many there are (at most 10000), 1/16 to 16/16 for example; got 1/4000000000',
  ],
  ['submit study.yaml --tasks 1000000000', '--tasks must be at most 10000; got 1000000000'],
  ['inspect base post --rank-limit -1', '--rank-limit must be a number of at least 0; got -1'],
  ['deltas notes.txt', 'notes.txt: is a text that begins with "said: \\"a: b\\"", and no delta file'],
  ['deltas mine.json', 'mine.json: is JSON text, and no delta file'],
  [
    'sweep method.yaml',
    'method.yaml:3:1: method: unknown key "method"; editor names an editor, merger a merger; merge_method is a key of merge files',
  ],
  ['sweep folder', 'folder: is a folder; a file is wanted'],
  // Lists, and the program itself.
  ['mergers linear', 'unknown merger "linear"; the merger average is the mean, plain or weighted'],
  ['mergers dare', 'dare is not a merger, but an editor: it changes one delta'],
  ['doctor --cuda', option('--cuda', DEVICE)],
  ['help evaluate', command('evaluate', 'deltalab eval <model> --task <task> measures a model')],
  ['-v', option('-v', '--version prints the version')],
]

for (const [words, answer] of CASES)
  test(words, async () => {
    const { status, stdout, stderr } = await call(words.split(' '), {
      cwd: root,
      env: { HF_HUB_OFFLINE: '1', HF_HUB_CACHE: 'none' },
    })
    assert.deepEqual([stderr, stdout], [`deltalab: ${answer}\n`, ''])
    assert.ok(status > 0)
  })
