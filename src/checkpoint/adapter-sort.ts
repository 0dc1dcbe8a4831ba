// The tensors of an adapter of peft, sorted by what they do, under the names of the model's modules.
import { partPattern, partSource, typesWith } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import type { AdapterConfig } from './adapter-config.js'
import { plainKeys } from './adapter-keys.js'
import { ADAPTER_CONFIG } from './checkpoint.js'
import type { TensorEntry } from './header.js'

export type Tensors = ReadonlyMap<string, TensorEntry>
export interface Sorted {
  /** A and B (of an embedding: `embedding A` …) by module, and the bias of B. */
  factors: Map<string, Map<string, string>>
  /** By the tensor that they stand for. */
  whole: Map<string, string>
  /** Rows of embeddings, by module. */
  rows: Map<string, string>
  /** Parts of another kind than LoRA: by module, and of all modules. */
  parts: Map<string, Map<string, string>>
  shared: Map<string, string>
}

const LINEAR = /^(.*)\.lora_([AB])\.(weight|bias)$/
const EMBEDDING = /^(.*)\.lora_embedding_([AB])(?:\.weight)?$/
/** Tied to rows of another module, a module repeats them within. */
const ROWS = /^(.*?)(?:\.token_adapter|\.base_layer)*\.trainable_tokens_delta$/
const NORMS = /\.ln_tuning_layers(?=\.\w+$)/
/** Names under which peft repeats a module that it stores whole. */
const REPEATED = /\.modules_to_save(?=\.)/

/** Names of kohya's scripts and of what follows them: modules with underscores, and a scale for each. */
const KOHYA = /^lora_(te\d*|unet|transformer)_|\.lora_(down|up|mid)\.weight$/

/** @throws UserError for tensors in the layout of kohya or diffusers, whose scale is in the file: peft does not read them either */
function checkLayout(file: string, tensors: Tensors): void {
  const names = [...tensors.keys()]
  const scaled = (name: string): boolean => names.some((each) => each.startsWith(name.replace(/alpha$/, 'lora_')))
  const odd = names.find((name) => KOHYA.test(name) || (name.endsWith('.alpha') && scaled(name)))
  if (odd !== undefined)
    throw new UserError(
      `${file}: ${odd}: the layout of kohya and diffusers (lora_down, lora_up, alpha), which is not read, nor by peft; convert the adapter to peft's layout (lora_A and lora_B, the scale in ${ADAPTER_CONFIG}), or merge it with the program that it is for`,
    )
}

/** @throws UserError for parts that are not known, or of another kind than the configuration says, and for what ZeRO-3 left over */
export function sortTensors(file: string, tensors: Tensors, { kind, peft_type: type }: AdapterConfig): Sorted {
  checkLayout(file, tensors)
  const [factors, parts] = [new Map<string, Map<string, string>>(), new Map<string, Map<string, string>>()]
  const sorted: Sorted = { factors, parts, shared: new Map(), whole: new Map(), rows: new Map() }
  const add = (module: string, part: string, name: string) =>
    void sorted.factors.set(module, (sorted.factors.get(module) ?? new Map<string, string>()).set(part, name))
  const keys = plainKeys(file, tensors, [...(kind?.parts ?? []), ...(kind?.shared ?? [])].map(partSource))
  const own = kind && partPattern('(.*)\\.', kind.parts)
  const ofAll = kind?.shared ? partPattern('base_model\\.', kind.shared) : null
  // In memory each module has what belongs to all.
  const ofEach = kind?.shared ? partPattern('.*\\.', kind.shared) : null
  for (const [key, name] of keys) {
    const { shape } = tensors.get(name)!
    const inner = key.replace(/^base_model\.model\./, '')
    const [linear, embedding, rows] = [LINEAR, EMBEDDING, ROWS].map((pattern) => pattern.exec(inner))
    if (
      shape.includes(0)
        ? !kind?.mayBeEmpty || (shape.length === 1 && type === 'ADALORA')
        : linear && linear[3] === 'weight' && shape.length === 1
    )
      throw new UserError(
        `${file}: ${name} [${shape}] is ${shape.includes(0) ? 'empty' : 'a part of a matrix'}: the adapter was saved under ZeRO-3 or FSDP without its weights gathered, and they are not in the file. Save it again with stage3_gather_16bit_weights_on_model_save: true, or make it from the shards beside it with zero_to_fp32.py`,
      )
    const common = ofAll?.exec(key)
    if (common) {
      sorted.shared.set(common[1]!, name)
      continue
    }
    const [, module, part] = own?.exec(inner) ?? []
    if (module !== undefined) {
      parts.set(module, (parts.get(module) ?? new Map<string, string>()).set(part!, name))
      continue
    }
    if ((linear ?? embedding) && type && type !== 'LORA') throw otherKind(file, name, ['LORA'], type)
    if (linear) add(linear[1]!, linear[3]! === 'bias' ? 'bias' : linear[2]!, name)
    else if (embedding) add(embedding[1]!, `embedding ${embedding[2]}`, name)
    else if (rows) sorted.rows.set(rows[1]!, name)
    else if (ofEach?.test(inner)) continue
    else if (/\.(original_module|ranknum|lora_monteclora_sampler|lora_velora_\w+)(\.|$)/.test(inner)) continue
    else if (typesWith(inner).length) throw otherKind(file, name, typesWith(inner), type)
    else if (/\.(lora_|token_adapter\.(?!base_layer\.))/.test(inner))
      throw new UserError(`${file}: ${name}: this part of an adapter is not known; merge it with peft first`)
    else {
      const plain = inner
        .replace(REPEATED, '')
        .replace(NORMS, '')
        .replace(/(\.token_adapter)?(\.base_layer)+(?=\.)/g, '')
      if (plain === inner || !sorted.whole.has(plain)) sorted.whole.set(plain, name)
    }
  }
  return sorted
}

const otherKind = (file: string, name: string, types: readonly string[], type: string): UserError =>
  new UserError(
    `${file}: ${name} is a part of ${types.join(' or ')}, and ${ADAPTER_CONFIG} says peft_type ${type || '(nothing)'}: one of the two files is of another adapter`,
  )
