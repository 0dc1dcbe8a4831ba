// What a folder without weights that are read holds instead, and what to do about it: the end of an error.
import { closeSync, type Dirent, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { firstFew } from '../errors/index.js'
import { nounOfFile } from '../schema/index.js'
import { ADAPTER_CONFIG, INDEX, SINGLE, TORCH_INDEX, TORCH_SINGLE, WEIGHT_FILES } from './checkpoint.js'

/** Names in a folder: all of them, and those of folders. */
interface Listing {
  folder: string
  names: readonly string[]
  folders: readonly string[]
}

type Describe = (listing: Listing, found: string[]) => string

const few = (names: readonly string[]): string => firstFew(names, 3)
const convert =
  (words: string): Describe =>
  (_, found) =>
    `; ${few(found)}: ${words}`
const LOADED = 'load it there and save it with save_pretrained'

/** Endings of files that programs have not finished. */
const UNFINISHED = /\.(incomplete|(op|cr)?download|part|partial|aria2|tmp)$/

/** Names that show a kind of folder, the surest first, and the words for it. */
const KINDS: readonly (readonly [RegExp, Describe])[] = [
  [/^adapter_config\.json$/, () => '; it is an adapter: merge it into its base model first'],
  [/^model_index\.json$/, describePipeline],
  [UNFINISHED, convert('a download that did not end; fetch it again')],
  [/\.dvc$/, convert('a pointer of DVC, not the file: fetch it with "dvc pull"')],
  [/^(model|pytorch_model)\.(safetensors|bin)\.index\.[\w-]+\.json$/, describeVariant],
  [/^(?!consolidated|diffusion_)[\w.-]+-\d+-of-\d+\.(safetensors|bin)$/, describeShards],
  [
    /^consolidated[\w.-]*\.safetensors(\.index\.json)?$/,
    convert(
      "Mistral's own layout, whose names and order of rows are others; take the model in the layout of transformers, or convert it with convert_mistral_weights_to_hf.py of transformers",
    ),
  ],
  [
    /^consolidated\.\d+\.pth$/,
    convert(
      "Meta's own layout, whose names and order of rows are others; take the model in the layout of transformers, or convert it with convert_llama_weights_to_hf.py of transformers",
    ),
  ],
  [
    /^(global_step\d+|zero_to_fp32\.py|(bf16_)?zero_pp_rank_.*|mp_rank_\d+_model_states\.pt)$/,
    convert('the state of a training with DeepSpeed; make weights of it with "python zero_to_fp32.py . <folder>"'),
  ],
  [
    /^(pytorch_model_fsdp(_\d+)?(\.bin)?|.*\.distcp|\.metadata)$/,
    convert(
      'the sharded state of a training; make weights of it with "accelerate merge-weights" (FSDP) or "python -m torch.distributed.checkpoint.format_utils dcp_to_torch"',
    ),
  ],
  [
    /^(model|optim|extra_state)_world_size_\d+_rank_\d+\.pt$/,
    convert('the shards of a training with verl; make weights of them with "python -m verl.model_merger merge"'),
  ],
  [
    /^(iter_\d+|latest_checkpointed_iteration\.txt|mp_rank_\d+.*|_CHECKPOINT_METADATA|ocdbt\.process_\d+)$/,
    convert('the state of a training with Megatron or JAX, which is not read; export it with the tools that wrote it'),
  ],
  [
    /^adapter_model\.(safetensors|bin)$/,
    convert('an adapter without its adapter_config.json, which says its rank and its scale: fetch that file too'),
  ],
  [
    /^pytorch_lora_weights[\w.-]*\.(safetensors|bin)$/,
    convert('a LoRA of diffusers, which is not read; fuse it there (fuse_lora) and save the parts of the pipeline'),
  ],
  [
    /^diffusion_pytorch_model[\w.-]*\.(safetensors|bin)(\.index\.json)?$/,
    convert(
      `a part of a pipeline of diffusers, whose files have names of their own: name them as transformers does (${SINGLE}), and give those that are written the old names`,
    ),
  ],
  [/ggml.*\.bin$/i, convert('a file of llama.cpp from before GGUF, which is not read; take a newer one')],
  [/\.safetensors$/, describeNamed(SINGLE)],
  [
    /\.gguf$/,
    convert('a model of GGUF has a name that ends in .gguf, and is neither an image tower (mmproj) nor an imatrix'),
  ],
  [
    /^qmodel\.pt$/,
    convert('weights quantised by HQQ in its own format, which is not read; give the model that it was quantised from'),
  ],
  [/\.(ckpt|pt|pth|bin)$/, describeTorch],
  [
    /^(tf_model.*\.h5|.*\.(h5|keras)|saved_model\.pb|.*\.ckpt(-\d+)?\.(index|data-.*|meta))$/,
    convert(`weights of TensorFlow, which are not read; ${LOADED}`),
  ],
  [/\.msgpack$/, convert(`weights of Flax, which are not read; ${LOADED}`)],
  [/\.(onnx|onnx_data|ort)$/, convert('a model of ONNX, which is not read; take the model that it was exported from')],
  [
    /^openvino_.*\.(xml|bin)$/,
    convert('a model of OpenVINO, which is not read; take the model that it was exported from'),
  ],
  [/\.(npz|npy)$/, convert('arrays of NumPy or old MLX, which are not read; save them as safetensors')],
  [
    /\.(tflite|mlmodel|mlpackage|ot|engine|plan|nemo|llamafile|tensors|ggml|pdparams|pdiparams|pkl|pickle|joblib|mar)$/,
    convert('a format that is not read; take the model that it was made from'),
  ],
  [/\.(zip|tar|tgz|gz|bz2|xz|zst|7z|rar)$/, convert('an archive; unpack it and give the folder with the weights')],
  [/^runs\.csv$/, convert('rows of a sweep and no model; deltalab table and plot read the folder')],
  [
    /^dataset_info\.json$|^dataset_dict\.json$|\.(parquet|arrow|jsonl|csv|tsv)$/,
    convert('a data set and no model; a task reads it with --task'),
  ],
]

/** The end of the error; empty where nothing is known to help. */
export function describeFolder(folder: string, entries: readonly Dirent[]): string {
  if (!entries.length) return '; the folder is empty'
  const folders = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort()
  // A folder with a model in it is what it holds, whatever its name.
  const models = folders.filter((name) => hasWeights(join(folder, name)))
  const names = entries.flatMap(({ name }) => (models.includes(name) ? [] : [name])).sort()
  const listing: Listing = { folder, names, folders }
  const below = folders.flatMap((name) => readdirSync(join(folder, name)).map((each) => join(name, each))).sort()
  return (
    describeSaved(listing) ||
    describeNames(listing) ||
    describeBelow(listing) ||
    describeNames({ ...listing, names: below }) ||
    describeRest(names)
  )
}

function describeNames(listing: Listing): string {
  for (const [pattern, describe] of KINDS) {
    const found = listing.names.filter(
      (name) => pattern.test(basename(name)) || pattern.test(basename(name).toLowerCase()),
    )
    if (found.length) return describe(listing, found)
  }
  return ''
}

/** What lies there without any weights. */
function describeRest(names: readonly string[]): string {
  if (names.includes('config.json')) return '; config.json is there without weights: they were not downloaded'
  return names.includes('tokenizer.json') ? '; a tokenizer is there alone' : ''
}

/** Whether a place is a folder with weights in it. */
export const hasWeights = (place: string): boolean => WEIGHT_FILES.some((name) => existsSync(join(place, name)))

/** Whether a folder in this one has one of the files. */
const holdsIn =
  (folder: string) =>
  (below: string, ...names: string[]): boolean =>
    names.some((name) => existsSync(join(folder, below, name)))

/** Adapters below, also those of checkpoints (`checkpoint-500/adapter_model`), and the models of checkpoints. The last step comes first. */
function describeSaved({ folder, names, folders }: Listing): string {
  if (names.includes(ADAPTER_CONFIG)) return ''
  const holds = holdsIn(folder)
  const inner = folders.filter((name) => STEP.test(name)).flatMap((name) => [name, join(name, 'adapter_model')])
  const below = [...new Set([...folders, ...inner])].sort((one, two) => stepOf(two) - stepOf(one))
  const adapters = below.filter((each) => holds(each, ADAPTER_CONFIG))
  if (adapters.length === 1) return `; an adapter lies in ${join(folder, adapters[0]!)}: give that folder`
  if (adapters.length)
    return `; ${adapters.length} adapters lie in ${few(adapters)}: give the folder of one, ${join(folder, adapters[0]!)}`
  const models = below.filter((each) => STEP.test(each) && holds(each, ...WEIGHT_FILES))
  return models.length ? `; checkpoints lie in ${few(models)}: give the folder of one, ${join(folder, models[0]!)}` : ''
}

const STEP = /^checkpoint-(\d+)$/
const stepOf = (name: string): number => Number(/^checkpoint-(\d+)/.exec(name)?.[1] ?? 0)

/** Folders below that hold a model, or the snapshots of the hub's cache. */
function describeBelow({ folder, folders }: Listing): string {
  if (folders.includes('snapshots')) {
    const below = readdirSync(join(folder, 'snapshots'))
    return below.length
      ? `; it is a folder of the hub's cache, whose models lie in ${join(folder, 'snapshots', below[0]!)}: give that folder, or the model's name`
      : "; it is a folder of the hub's cache without a snapshot: give the model's name"
  }
  const models = folders.filter((below) => holdsIn(folder)(below, ...WEIGHT_FILES))
  if (models.length === 1) return `; a model lies in ${join(folder, models[0]!)}: give that folder`
  return models.length ? `; models lie in ${few(models)}: give one of these folders` : ''
}

function describePipeline({ folder, folders }: Listing): string {
  const parts = folders.filter((part) => holdsIn(folder)(part, SINGLE, INDEX))
  const advice = parts.length ? `; its parts of transformers are ${few(parts)}: give one of these folders` : ''
  return `; it is a pipeline of diffusers (model_index.json)${advice}`
}

/** Shards whose index is missing: transformers does not open them either. */
function describeShards({ names }: Listing, found: string[]): string {
  const [, stem, of, ending] = /^(.*)-\d+-of-(\d+)\.(\w+)$/.exec(found[0]!)!
  const here = names.filter((name) => name.startsWith(`${stem}-`) && name.endsWith(`-of-${of}.${ending}`))
  const index = ending === 'bin' ? TORCH_INDEX : INDEX
  const some = here.length < Number(of) ? `, ${here.length} of ${Number(of)}` : ''
  const other = names.find((name) => name.toLowerCase() === index)
  if (other !== undefined) return `; shards are there (${few(here)}${some}); name their index ${other} ${index}`
  return `; shards are there (${few(here)}${some}), and their index ${index} is missing: fetch it from where they come from, or write it: {"weight_map": {"<tensor>": "<file>", …}}`
}

/** As save_pretrained writes the shards of a variant; the index names them, so that they keep their names. */
function describeVariant(_: Listing, [found]: string[]): string {
  const [, stem, variant] = /^(.*\.index)\.([\w-]+)\.json$/.exec(found!)!
  return `; ${found}: the index of the variant ${variant}: name it ${stem}.json to take these weights`
}

/** What is there of a shard that an index names: the end of an error. */
export function describeMissing(shard: string, there: Iterable<string>): string {
  const names = [...there]
  const part = names.find((name) => name.startsWith(`${shard}.`) && UNFINISHED.test(name))
  if (part !== undefined) return `; ${part}: a download that did not end; fetch it again`
  if (names.includes(shard)) return `; ${shard} is a link that leads to no file: fetch the file again`
  const other = names.find((name) => name.toLowerCase() === shard.toLowerCase())
  return other === undefined ? '' : `; ${other} is there, in other letters`
}

function describeNamed(wanted: string): Describe {
  return ({ folder }, found) => {
    const lora = found.find((name) => /\.lora_(A|B|up|down|a|b)\./.test(startOf(join(folder, name))))
    if (lora !== undefined)
      return `; ${lora}: a LoRA without the adapter_config.json of peft, which says its rank and its scale, such as kohya's and diffusers' are: merge it with the program that it is for`
    return found.length === 1
      ? `; ${found[0]} is there: if it holds the whole model, name it ${wanted}`
      : `; ${few(found)} are there under names of their own: name the one with the whole model ${wanted}`
  }
}

/** The beginning of a file: of safetensors it names tensors. */
function startOf(path: string): string {
  if (!statSync(path).isFile()) return ''
  const [file, bytes] = [openSync(path, 'r'), Buffer.alloc(1 << 20)]
  try {
    return bytes.toString('latin1', 0, readSync(file, bytes))
  } finally {
    closeSync(file)
  }
}

/** Files of torch.save under other names: the weights of a trainer, or what it needs to go on. */
function describeTorch(listing: Listing, found: string[]): string {
  const state =
    /^(optimizer|scheduler|scaler|sampler|dl_state_dict|custom_checkpoint|rng_state|random_states|training_args|trainer_state)(_\d+)*\.\w+$/
  const weights = found.filter((name) => !state.test(name) && !name.startsWith('openvino_'))
  if (weights.length) return describeNamed(TORCH_SINGLE)(listing, weights)
  if (found.some((name) => name.startsWith('openvino_')))
    return `; ${few(found)}: a model of OpenVINO, which is not read; take the model that it was exported from`
  return `; ${few(found)}: the state of a training without its weights; give the folder that the trainer saved the model to`
}

/** Why a path that leads to a file is no model. */
export function describeFile(path: string): string {
  const name = path.toLowerCase()
  if (/\.(safetensors|bin|pt|pth)$/.test(name)) return 'is a file of weights; give its folder'
  if (/(^|[/\\])adapter_config\.json$|\.index\.json$|(^|[/\\])config\.json$/.test(name))
    return 'is a file of a model; give its folder'
  if (/\.ya?ml$/.test(name))
    return 'is a YAML file; "deltalab sweep" and "deltalab merge" read those. Here the folder of a model is wanted'
  if (/\.(jsonl|csv|tsv|parquet|arrow)$/.test(name)) return 'is a data file; the folder of a model is wanted'
  return `${nounOfFile(path) ?? 'is not a folder'}; the folder of a model is wanted`
}
