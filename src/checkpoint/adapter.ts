// A PEFT LoRA folder used as a post-trained model: a view of its base whose changed tensors are W + scale · B·A,
// computed when they are read.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { matchAdapter, type TensorChange } from './adapter-match.js'
import type { Product } from './adapter-products.js'
import { type Checkpoint, INDEX, SINGLE } from './checkpoint.js'
import { withComputed } from './computed-tensors.js'
import { decode, encode } from './dtype.js'
import { openCheckpoint } from './folder.js'
import { hashFile } from './hash.js'
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, readLoraConfig } from './lora.js'
import { openWeights, type SingleFile } from './single.js'

export interface AdaptedCheckpoint extends Checkpoint {
  /** Folder of what the model needs besides its weights: the base's. */
  home: string
  /** Folder of config.json, and of the tokenizer where the adapter has none. */
  companions: string
}

const has = (folder: string, name: string): boolean => existsSync(join(folder, name))
const hasWeights = (folder: string): boolean => has(folder, SINGLE) || has(folder, INDEX)

/** An adapter alone; trainers leave the base's config.json and tokenizer beside it. */
export const isAdapter = (folder: string): boolean => has(folder, ADAPTER_CONFIG) && !hasWeights(folder)

/** Where all is that a model needs besides its weights: its folder, or its base's. */
export const homeOf = (checkpoint: Checkpoint): string =>
  'home' in checkpoint ? (checkpoint.home as string) : checkpoint.folder

/** Where a model's config.json and tokenizer are: its folder, or its base's. */
export const companionsOf = (checkpoint: Checkpoint): string =>
  'companions' in checkpoint ? (checkpoint.companions as string) : checkpoint.folder

/** Opens a model by its folder. One that holds whole weights and an adapter is these weights with the adapter, as transformers reads it. */
export async function openFolder(folder: string): Promise<Checkpoint> {
  const whole = await openCheckpoint(folder)
  if (!has(folder, ADAPTER_CONFIG)) return whole
  try {
    const adapted = await openAdapter(folder, whole)
    return {
      ...adapted,
      notes: [
        ...adapted.notes,
        `${folder}: holds whole weights and an adapter; the adapter is applied to them, as transformers does`,
      ],
      hashes: async (hash) => ({ ...(await whole.hashes(hash)), ...(await adapted.hashes(hash)) }),
      close: async () => void (await Promise.all([adapted.close(), whole.close()])),
    }
  } catch (error) {
    await whole.close()
    throw error
  }
}

/** Opens a post-trained model by its folder: a checkpoint, or an adapter of `base`, which stays open and is the caller's. */
export function openPost(folder: string, base: Checkpoint): Promise<Checkpoint> {
  return isAdapter(folder) ? openAdapter(folder, base) : openFolder(folder)
}

/**
 * The base with the adapter applied, in float32; formats and names are those of the base.
 * @throws UserError: a kind of adapter that is not LoRA alone, or a tensor that does not fit the base
 */
export async function openAdapter(folder: string, given: Checkpoint): Promise<AdaptedCheckpoint> {
  const config = await readLoraConfig(folder)
  const file = join(folder, ADAPTER_WEIGHTS)
  if (!existsSync(file) && has(folder, 'adapter_model.bin'))
    throw new UserError(
      `${folder}: adapter_model.bin is a pickle of PyTorch, which is not read; load the adapter with peft and save it again`,
    )
  const weights = await openWeights(file)
  try {
    const { base, changes, notes } = matchAdapter(file, config, weights.tensors, given)
    // A stored copy of a tied weight is what its source becomes.
    for (const [copy, source] of base.tied) if (changes.has(source)) changes.set(copy, changes.get(source)!)
    const shapes = new Map([...changes.keys()].map((name) => [name, base.tensors.get(name)!.shape]))
    return {
      ...withComputed(base, shapes, (name) => apply(changes.get(name)!, name, base, weights)),
      folder,
      notes: [...base.notes, ...notes],
      home: homeOf(base),
      companions: has(folder, 'tokenizer.json') ? folder : companionsOf(base),
      hashes: async (hash = hashFile) =>
        Object.fromEntries(
          await Promise.all(
            [ADAPTER_CONFIG, ADAPTER_WEIGHTS].map(async (name) => [name, await hash(join(folder, name))]),
          ),
        ),
      close: () => weights.close(),
    }
  } catch (error) {
    await weights.close()
    throw error
  }
}

/** In steps that peft makes in the format of the base, so that half precision is rounded where it rounds. */
async function apply(
  { whole, rows, products, bias }: TensorChange,
  name: string,
  base: Checkpoint,
  weights: SingleFile,
): Promise<Float32Array> {
  const { dtype } = base.tensors.get(name)!
  const values = whole === undefined ? await base.read(name) : round(await weights.read(whole), dtype)
  if (rows) {
    const given = round(await weights.read(rows.name), dtype)
    const width = given.length / rows.ids.length
    for (const [i, id] of rows.ids.entries()) values.set(given.subarray(i * width, (i + 1) * width), id * width)
  }
  for (const product of products) {
    const change = product.rounded ? new Float32Array(values.length) : values
    addProduct(change, await weights.read(product.a), await weights.read(product.b), product)
    if (product.rounded) add(values, round(change, dtype), 1)
  }
  if (bias) add(values, await weights.read(bias.name), bias.scale)
  return values
}

function add(values: Float32Array, more: Float32Array, scale: number): void {
  for (let i = 0; i < values.length; i++) values[i]! += scale * more[i]!
}

function round(values: Float32Array, dtype: string): Float32Array {
  if (dtype === 'BF16' || dtype === 'F16') decode(dtype, encode(dtype, values), values)
  return values
}

/** values += scale · B·A (its transpose when flipped), for one expert or all; each sum in float64, rounded once. */
function addProduct(values: Float32Array, a: Float32Array, b: Float32Array, product: Product): void {
  const { rank, scale, experts, expert, from, rows, flipped } = product
  const inputs = a.length / (rank * experts)
  const row = new Float64Array(inputs)
  const chosen = expert === null ? [...Array(experts).keys()] : [expert]
  for (const [at, e] of chosen.entries()) {
    for (let out = 0; out < rows; out++) {
      row.fill(0)
      for (let k = 0; k < rank; k++) {
        const factor = scale * b[(from + out) * rank * experts + k * experts + e]!
        if (factor !== 0) for (let i = 0; i < inputs; i++) row[i]! += factor * a[(e * rank + k) * inputs + i]!
      }
      const [start, step] = flipped ? [out, rows] : [out * inputs, 1]
      for (let i = 0; i < inputs; i++) values[at * rows * inputs + start + i * step]! += row[i]!
    }
  }
}
