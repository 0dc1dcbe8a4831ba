// A file of seeds and scalars with its base: the tuned checkpoint, bit for bit, or a delta file that makes it.
import { basename, dirname, join, resolve } from 'node:path'
import { hashFile, type StoredPlace, writeCard, writeCheckpoint } from '../checkpoint/index.js'
import { countPlaces, isLossyFormat, lossyCodec } from '../codecs/index.js'
import {
  type Base,
  bytesOfPlan,
  type CodecPlan,
  type CompressOptions,
  checkDeltaTarget,
  compressModel,
  type Delta,
  openBase,
  placeKey,
  planDelta,
} from '../delta/index.js'
import { UserError } from '../errors/index.js'
import { checkSpace, makeTemporary, packageVersion } from '../files/index.js'
import { resolveFile } from '../hub/index.js'
import { encodeValues, type Seeds } from '../kernels/index.js'
import { track } from '../progress/index.js'
import { openModelFolder, recordedName } from '../sources/index.js'
import { readPoint, type Start } from './start.js'
import { readSeeds, rebuild } from './store.js'

/** A base with the scalars that were found from it. */
export interface SeededModel {
  base: string
  /** The file of the scalars. */
  file: string
  start: Start
  seeds: Seeds
}

/** @throws UserError for a file that is none of scalars, and for another base */
export async function openSeeded(base: string, given: string): Promise<SeededModel> {
  const file = await resolveFile(given)
  const seeds = await readSeeds(file)
  const start = await readPoint(base)
  if (start.identity !== seeds.base)
    throw new UserError(`${file}: belongs to another base: SHA-256 ${seeds.base}; ${base} has ${start.identity}`)
  return { base, file, start, seeds }
}

/** Writes the tuned checkpoint, in float32; the weights of `start` become those. @throws UserError for a full disk, at once */
export async function writeRebuilt(seeded: SeededModel, target: SeededTarget): Promise<void> {
  const entries = [...seeded.start.point.values()].reduce((sum, { length }) => sum + length, 0)
  await checkSpace(target.out, resolve(target.out), 4 * entries)
  await rebuild(seeded.start.point, seeded.seeds)
  await writePoint(seeded, target)
}

interface SeededTarget {
  out: string
  title?: string
  overwrite?: boolean
}

async function writePoint(
  { base, file, seeds, start: { point, model, hashes, ...start } }: SeededModel,
  { out, title = basename(resolve(out)), overwrite }: SeededTarget,
): Promise<void> {
  const card = writeCard({
    title,
    inputs: [
      { role: 'base', name: basename(resolve(base)), contents: hashes },
      { role: 'delta', name: basename(file), contents: { [basename(file)]: await hashFile(file) } },
    ],
    settings: { directions: seeds.scalars.length, seed: seeds.seed, dtype: 'F32' },
    software: { deltalab: packageVersion(), node: process.version },
    citations: ['Malladi et al. 2023 (MeZO), arXiv 2305.17333', 'Qin et al. 2024 (FedKSeed), arXiv 2312.06353'],
  })
  await writeCheckpoint(out, {
    plan: [...point.keys()].map((name) => ({ name, shape: model.shapes[name]!, dtype: 'F32' })),
    tensors: [...point].map(([name, values]) => ({ name, values })),
    config: start.config,
    configText: start.configText,
    copyFrom: start.home,
    tokenizerFrom: start.companions,
    card,
    overwrite,
  })
}

/**
 * Writes the delta file of the tuned checkpoint: its tensors by the codec `seeds`, with the scalars once.
 * @throws UserError as openSeeded does, and for a name that is taken
 */
export async function compressSeeds(
  base: string,
  file: string,
  { out, ...options }: Omit<CompressOptions, 'name' | 'onBytes'> & { out: string },
): Promise<Delta> {
  await checkDeltaTarget(out, options.overwrite ?? false, file)
  const seeded = await openSeeded(base, file)
  const opened = await openBase(await openModelFolder(base))
  const temporary = makeTemporary('compress', dirname(resolve(out)))
  try {
    const post = join(temporary.path, 'post')
    // Tensors that are stored as seeds are drawn when they are stored: until then their base stands for them.
    const { start, seeds } = seeded
    await rebuild(new Map([...start.point].filter(([name]) => !baseFor(name, start))), seeds)
    await writePoint(seeded, { out: post, title: basename(out, '.delta') })
    const made = await openBase(post)
    const plan = await planDelta(opened, post, { codecs: plansOf(made, seeded) })
    await made.close()
    return await track({ name: 'compress', unit: 'bytes', total: bytesOfPlan(plan) }, ({ add, found }) =>
      compressModel({ plan, base: opened, post, madeOf: [seeded.file] }, out, {
        ...{ ...options, name: recordedName(base) },
        onBytes: (bytes, of, earlier) => (earlier ? found(bytes) : add(bytes, of)),
      }),
    )
  } finally {
    temporary.remove()
    await opened.close()
  }
}

/** The base of a tensor that can be stored as seeds. */
function baseFor(name: string, { places }: Start): StoredPlace | undefined {
  const base = places.get(name)
  return base && isLossyFormat(base.dtype) ? base : undefined
}

/** How the tensors of the tuned checkpoint are stored; those whose base lies in no file as it is are stored lossless. */
function plansOf(
  { tensors }: Pick<Base, 'tensors'>,
  { start, seeds: { seed, scalars } }: SeededModel,
): Map<string, CodecPlan> {
  const plans = new Map<string, CodecPlan>()
  const [codec, head] = [lossyCodec('seeds'), encodeValues(scalars, 'F32')]
  for (const { name, shape, dtype, file, begin } of tensors.values()) {
    const base = baseFor(name, start)
    const tensor = { shape, dtype, matrices: 1 }
    if (!base) continue
    const shared = plans.size > 0
    const options = { seed, tensor: name, scalars: scalars.length, shared }
    const records = Array.from({ length: countPlaces(codec, tensor) }, (_, k) =>
      k || shared ? new Uint8Array() : head,
    )
    const source = { edited: null, scales: null, given: { head, records }, close: async () => undefined }
    plans.set(placeKey({ file, begin }), {
      codec: codec.name,
      options,
      base,
      source: name,
      prepare: async () => source,
    })
  }
  return plans
}
