// The tensors of an adapter of peft, sorted by what they do, under the names of the model's modules.
import type { AdapterKind } from '../adapters/index.js'
import { UserError } from '../errors/index.js'
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

const LINEAR = /^(.*)\.lora_([AB])(?:\.default)?\.(weight|bias)$/
const EMBEDDING = /^(.*)\.lora_embedding_([AB])(?:\.default)?(?:\.weight)?$/
const ROWS = /^(.*?)(?:\.token_adapter)?(?:\.default)?\.trainable_tokens_delta$/
const NORMS = /\.ln_tuning_layers(?:\.default)?(?=\.\w+$)/
/** Names under which peft repeats a module that it stores whole. */
const REPEATED = /\.modules_to_save(\.default)?(?=\.)/

/** @throws UserError for parts that are not known, and for what ZeRO-3 left empty */
export function sortTensors(file: string, tensors: Tensors, kind: AdapterKind | null): Sorted {
  const [factors, parts] = [new Map<string, Map<string, string>>(), new Map<string, Map<string, string>>()]
  const sorted: Sorted = { factors, parts, shared: new Map(), whole: new Map(), rows: new Map() }
  const add = (module: string, part: string, name: string) =>
    void sorted.factors.set(module, (sorted.factors.get(module) ?? new Map<string, string>()).set(part, name))
  for (const { name, shape } of tensors.values()) {
    const inner = name.replace(/^base_model\.model\./, '')
    if (shape.includes(0))
      throw new UserError(
        `${file}: ${name} [${shape}] is empty: the adapter was saved under ZeRO-3 without its weights gathered; save it again`,
      )
    const part = kind?.parts.find((each) => inner.endsWith(`.${each}`))
    const common = kind?.shared?.find((each) => name === `base_model.${each}`)
    if (common !== undefined) {
      sorted.shared.set(common, name)
      continue
    }
    if (part !== undefined) {
      const module = inner.slice(0, -part.length - 1)
      parts.set(module, (parts.get(module) ?? new Map<string, string>()).set(part, name))
      continue
    }
    const [linear, embedding, rows] = [LINEAR, EMBEDDING, ROWS].map((pattern) => pattern.exec(inner))
    if (linear) add(linear[1]!, linear[3]! === 'bias' ? 'bias' : linear[2]!, name)
    else if (embedding) add(embedding[1]!, `embedding ${embedding[2]}`, name)
    else if (rows) sorted.rows.set(rows[1]!, name)
    else if (inner.includes('.original_module.') || inner.includes('.lora_monteclora_sampler.')) continue
    else if (/\.(lora_|token_adapter\.(?!base_layer\.))/.test(inner))
      throw new UserError(`${file}: ${name}: this part of an adapter is not known; merge it with peft first`)
    else {
      const plain = inner
        .replace(REPEATED, '')
        .replace(NORMS, '')
        .replace(/(\.token_adapter)?(\.base_layer)+(?=\.\w+$)/, '')
      if (plain === inner || !sorted.whole.has(plain)) sorted.whole.set(plain, name)
    }
  }
  return sorted
}
