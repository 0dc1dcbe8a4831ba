// A PEFT LoRA folder in the place of a post-trained model: a view of its base whose changed tensors are W + scale · B·A,
// computed when they are read.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { hashFile, openCheckpoint, type Checkpoint } from './checkpoint.js'
import { isFloating } from './dtype.js'
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, readLoraConfig, scaleOf, type LoraConfig } from './lora.js'
import { overlay } from './overlay.js'
import { openWeights } from './single.js'

/** How one tensor of the base is changed. */
type Change =
  /** Names of A [r, in] and B [out, r] in the adapter; `flipped`: the weight is stored [in, out]. */
  | { a: string; b: string; rank: number; scale: number; flipped: boolean }
  /** Name of the tensor that stands in its place (modules_to_save). */
  | { whole: string }

export interface AdaptedCheckpoint extends Checkpoint {
  /** Folder of what the model needs besides its weights: the base's. */
  home: string
  /** Folder of config.json, and of the tokenizer where the adapter has none. */
  companions: string
}

export const isAdapter = (folder: string): boolean => existsSync(join(folder, ADAPTER_CONFIG)) && !existsSync(join(folder, 'config.json'))

/** Where all is that a model needs besides its weights: its folder, or its base's. */
export const homeOf = (checkpoint: Checkpoint): string => ('home' in checkpoint ? (checkpoint.home as string) : checkpoint.folder)

/** Where a model's config.json and tokenizer are: its folder, or its base's. */
export const companionsOf = (checkpoint: Checkpoint): string => ('companions' in checkpoint ? (checkpoint.companions as string) : checkpoint.folder)

/** Opens a post-trained model by its folder: a checkpoint, or an adapter of `base`, which stays open and is the caller's. */
export function openPost(folder: string, base: Checkpoint): Promise<Checkpoint> {
  return isAdapter(folder) ? openAdapter(folder, base) : openCheckpoint(folder)
}

/**
 * The base with the adapter applied, in float32; formats and names are those of the base.
 * @throws UserError: a kind of adapter that is not LoRA alone, or a tensor that does not fit the base
 */
export async function openAdapter(folder: string, base: Checkpoint): Promise<AdaptedCheckpoint> {
  const config = await readLoraConfig(folder)
  const file = join(folder, ADAPTER_WEIGHTS)
  const weights = await openWeights(file)
  const changes = matchChanges(file, config, weights.tensors, base)

  const read = async (name: string): Promise<Float32Array> => {
    const change = changes.get(name)!
    if ('whole' in change) return weights.read(change.whole)
    const [values, a, b] = [await base.read(name), await weights.read(change.a), await weights.read(change.b)]
    addProduct(values, a, b, change)
    return values
  }
  const shapes = new Map([...changes.keys()].map((name) => [name, base.tensors.get(name)!.shape]))
  return {
    ...overlay(base, shapes, read),
    folder,
    home: homeOf(base),
    companions: existsSync(join(folder, 'tokenizer.json')) ? folder : companionsOf(base),
    hashes: async () => Object.fromEntries(await Promise.all([ADAPTER_CONFIG, ADAPTER_WEIGHTS].map(async (name) => [name, await hashFile(join(folder, name))]))),
    close: () => weights.close(),
  }
}

const FACTOR = /^(.*)\.(lora_A|lora_B)(?:\.default)?\.weight$|^(.*)\.(lora_embedding_[AB])(?:\.default)?(?:\.weight)?$/

/** Every tensor of the adapter has its place in the base, or is named. */
function matchChanges(file: string, config: LoraConfig, tensors: Checkpoint['tensors'], base: Checkpoint): Map<string, Change> {
  const changes = new Map<string, Change>()
  const modules = new Map<string, Map<string, string>>()
  for (const name of tensors.keys()) {
    const inner = name.replace(/^base_model\.model\./, '')
    const factor = FACTOR.exec(inner)
    if (factor) {
      const [module, kind] = [factor[1] ?? factor[3], factor[2] ?? factor[4]]
      modules.set(module, (modules.get(module) ?? new Map<string, string>()).set(kind, name))
      continue
    }
    if (/\.(lora_|token_adapter)/.test(inner)) throw new UserError(`${file}: ${name}: this part of an adapter is not known; merge it with peft first`)
    const target = nameInBase(file, inner.replace(/\.(modules_to_save(\.default)?|base_layer)(?=\.)/, ''), base)
    if (String(tensors.get(name)!.shape) !== String(base.tensors.get(target)!.shape)) throw misfit(file, name, tensors, target, base)
    changes.set(target, { whole: name })
  }
  for (const [module, parts] of modules) {
    const embedding = parts.has('lora_embedding_A') || parts.has('lora_embedding_B')
    const [a, b] = [parts.get(embedding ? 'lora_embedding_A' : 'lora_A'), parts.get(embedding ? 'lora_embedding_B' : 'lora_B')]
    if (!a || !b) throw new UserError(`${file}: ${module} has only one of A and B`)
    const target = nameInBase(file, `${module}.weight`, base)
    const { rank, scale } = scaleOf(config, module)
    const [down, up] = [tensors.get(a)!.shape, tensors.get(b)!.shape]
    if (down.length !== 2 || up.length !== 2) throw new UserError(`${file}: ${module}: adapters of convolutions are not read`)
    if (down[0] !== rank || up[1] !== rank) throw new UserError(`${file}: ${module}: A [${down}] and B [${up}] are not of the rank ${rank} that ${ADAPTER_CONFIG} says`)
    const shape = base.tensors.get(target)!.shape
    const [straight, turned] = [String(shape) === `${up[0]},${down[1]}`, String(shape) === `${down[1]},${up[0]}`]
    if (!straight && !turned) throw misfit(file, a, tensors, target, base)
    const flipped = straight && turned ? embedding || (config.fan_in_fan_out ?? false) || base.config?.model_type === 'gpt2' : turned
    if (!isFloating(base.tensors.get(target)!.dtype)) throw new UserError(`${base.folder}: ${target} is not floating, and the adapter changes it`)
    changes.set(target, { a, b, rank, scale, flipped })
  }
  if (changes.size === 0) throw new UserError(`${file}: holds no LoRA tensors`)
  return changes
}

/** Base and adapter may differ in the prefix of a model without its head (`transformer.`, `model.`). */
function nameInBase(file: string, name: string, base: Checkpoint): string {
  if (base.tensors.has(name)) return name
  const near = [...base.tensors.keys()].filter((each) => each.endsWith(`.${name}`) || name.endsWith(`.${each}`))
  if (near.length === 1) return near[0]
  throw new UserError(`${file}: ${name} is not in ${base.folder}: the adapter is of another base`)
}

function misfit(file: string, name: string, tensors: Checkpoint['tensors'], target: string, base: Checkpoint): UserError {
  return new UserError(`${file}: ${name} [${tensors.get(name)!.shape}] does not fit ${target} [${base.tensors.get(target)!.shape}] of ${base.folder}`)
}

/** values += scale · B·A (its transpose when flipped); each sum in float64, rounded once. */
function addProduct(values: Float32Array, a: Float32Array, b: Float32Array, { rank, scale, flipped }: { rank: number; scale: number; flipped: boolean }): void {
  const [inputs, outputs] = [a.length / rank, b.length / rank]
  const row = new Float64Array(inputs)
  for (let out = 0; out < outputs; out++) {
    row.fill(0)
    for (let k = 0; k < rank; k++) {
      const factor = scale * b[out * rank + k]
      if (factor !== 0) for (let i = 0; i < inputs; i++) row[i] += factor * a[k * inputs + i]
    }
    const [start, step] = flipped ? [out, outputs] : [out * inputs, 1]
    for (let i = 0; i < inputs; i++) values[start + i * step] += row[i]
  }
}
