// BitDelta's own file as a post-trained model: packed signs and a scale of each matrix, and other weights whole. The weights are those that
// its loader makes.
import { basename } from 'node:path'
import {
  type Checkpoint,
  companionsOf,
  hashFile,
  homeOf,
  openWeights,
  type SingleFile,
  sourcesOf,
  type TensorEntry,
  withComputed,
  writeCheckpoint,
} from '../checkpoint/index.js'
import { addSigns, type Signs } from '../codecs/index.js'
import { UserError } from '../errors/index.js'
import { checkApart } from '../files/index.js'
import { type Interval, VALUE_BYTES, type ValueFormat } from '../kernels/index.js'
import { COEFF, MASK } from './find-delta.js'

/** Of a low-rank pair, which its own loader adds. */
const PAIR = /\.[AB]$/

/**
 * The base with the signs added, as `load_diff` of BitDelta does: sign × scale is rounded to the format of the weight, and so is the sum.
 * Source: Liu et al. 2024, arXiv 2402.10193.
 * @param base stays open
 * @throws UserError for a tensor that does not fit the base, and what the loader adds besides
 */
export async function openBitDelta(file: string, base: Checkpoint): Promise<Checkpoint> {
  const weights = await openWeights(file)
  try {
    const { shapes, masks, notes } = matchTensors(file, weights.tensors, base)
    for (const [copy, source] of base.tied) {
      if (shapes.has(copy) || !shapes.has(source)) continue
      shapes.set(copy, shapes.get(source)!)
    }
    const sourceOf = (name: string): string =>
      masks.has(name) || weights.tensors.has(name) ? name : (base.tied.get(name) ?? name)
    let last: { name: string; signs: Promise<Signs> } | undefined
    const signsOf = (name: string): Promise<Signs> => {
      if (last?.name !== name)
        last = { name, signs: readSigns(masks.get(name)!, base.tensors.get(name)!.shape, weights) }
      return last.signs
    }
    const compute = async (given: string, lines: Interval): Promise<Float32Array> => {
      const name = sourceOf(given)
      const columns = shapes.get(name)!.at(-1) ?? 1
      const entries = { from: lines.from * columns, to: lines.to * columns }
      if (!masks.has(name)) return weights.read(name, entries)
      const { dtype } = base.tensors.get(name)! as { dtype: ValueFormat }
      return addSigns(await base.readEntries(name, entries), await signsOf(name), { lines, dtype })
    }
    const rows = shapes.get('lm_head.weight')?.[0]
    return {
      ...withComputed(base, shapes, compute),
      ...(base.config && rows !== undefined && { config: { ...base.config, vocab_size: rows } }),
      folder: file,
      sources: [file],
      home: homeOf(base),
      companions: companionsOf(base),
      notes: [...base.notes, ...notes],
      hashes: async (hash = hashFile) => ({ [basename(file)]: await hash(file) }),
      close: () => weights.close(),
    }
  } catch (error) {
    await weights.close()
    throw error
  }
}

/** The same with a base that is closed with it. */
export async function openBitDeltaAlone(file: string, base: Checkpoint): Promise<Checkpoint> {
  try {
    const opened = await openBitDelta(file, base)
    return {
      ...opened,
      folder: `${base.folder}+${file}`,
      under: sourcesOf(base),
      close: async () => void (await Promise.all([opened.close(), base.close()])),
    }
  } catch (error) {
    await base.close()
    throw error
  }
}

async function readSigns(module: string, shape: readonly number[], weights: SingleFile): Promise<Signs> {
  const { buffer } = await weights.bytes(module + MASK)
  return { shape, words: new Int32Array(buffer), alpha: await weights.read(module + COEFF) }
}

interface Matched {
  /** Of all tensors that change. */
  shapes: Map<string, readonly number[]>
  /** Of those with signs, the module. */
  masks: Map<string, string>
  notes: string[]
}

function matchTensors(file: string, stored: Checkpoint['tensors'], base: Checkpoint): Matched {
  const found: Matched = { shapes: new Map(), masks: new Map(), notes: [] }
  const wanted = (name: string, key: string): TensorEntry => {
    const entry = base.tensors.get(name)
    if (entry) return entry
    throw new UserError(`${file}: ${key} belongs to ${name}, which the base ${base.folder} has not`)
  }
  for (const [key, { dtype, shape }] of stored) {
    if (key.endsWith(MASK)) {
      const module = key.slice(0, -MASK.length)
      const name = `${module}.weight`
      checkMask(file, { module, dtype, shape }, { stored, entry: wanted(name, key) })
      found.shapes.set(name, wanted(name, key).shape)
      found.masks.set(name, module)
    } else if (key.endsWith(COEFF)) {
      if (!stored.has(key.slice(0, -COEFF.length) + MASK)) throw new UserError(`${file}: ${key} has no mask`)
    } else if (PAIR.test(key)) {
      throw new UserError(`${file}: ${key} is a part of a low-rank pair, which is not read; give an adapter of peft`)
    } else {
      const entry = wanted(key, key)
      // A matrix may have rows for another vocabulary.
      const fixed = shape.length === 2 ? 1 : 0
      if (entry.shape.length !== shape.length || entry.shape.slice(fixed).join() !== shape.slice(fixed).join())
        throw new UserError(`${file}: ${key} is [${shape.join(', ')}], in the base [${entry.shape.join(', ')}]`)
      if (!key.endsWith('.weight'))
        found.notes.push(`${file}: ${key} is taken from the file; BitDelta's loader leaves that of the base`)
      found.shapes.set(key, shape)
    }
  }
  return found
}

function checkMask(
  file: string,
  { module, dtype, shape }: Pick<TensorEntry, 'dtype' | 'shape'> & { module: string },
  { stored, entry }: { stored: Checkpoint['tensors']; entry: TensorEntry },
): void {
  const coeff = stored.get(module + COEFF)
  if (!coeff) throw new UserError(`${file}: ${module + MASK} has no ${module + COEFF}`)
  if (coeff.shape.some((side) => side !== 1))
    throw new UserError(`${file}: ${module + COEFF} is [${coeff.shape.join(', ')}]; one scale for a matrix is read`)
  if (!Object.hasOwn(VALUE_BYTES, entry.dtype))
    throw new UserError(`${file}: ${module}.weight is ${entry.dtype} in the base; signs are added to F32, BF16 and F16`)
  const [rows, columns] = entry.shape
  if (entry.shape.length !== 2)
    throw new UserError(`${file}: ${module + MASK}: ${module}.weight is [${entry.shape.join(', ')}], and no matrix`)
  const packed = [Math.ceil(columns! / 32), rows]
  if (dtype !== 'I32' || shape.join() !== packed.join())
    throw new UserError(
      `${file}: ${module + MASK} is ${dtype} [${shape.join(', ')}]; for ${module}.weight [${rows}, ${columns}] BitDelta packs I32 [${packed.join(', ')}]`,
    )
}

/**
 * Writes the model of BitDelta's file as a checkpoint.
 * @param base is closed with it
 * @throws UserError as openBitDelta and writeCheckpoint do
 */
export async function applyBitDelta(
  file: string,
  base: Checkpoint,
  { out, overwrite }: { out: string; overwrite?: boolean | undefined },
): Promise<void> {
  const post = await openBitDeltaAlone(file, base)
  async function* tensors() {
    for (const name of post.tensors.keys()) yield { name, bytes: await post.readBytes(name) }
  }
  try {
    await checkApart(out, sourcesOf(post))
    await writeCheckpoint(out, {
      plan: [...post.tensors.values()],
      tensors: tensors(),
      config: post.config,
      configText: post.configText,
      copyFrom: homeOf(post),
      overwrite,
    })
  } finally {
    await post.close()
  }
}
