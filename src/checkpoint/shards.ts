// Which files hold the weights of a folder, and which tensors they hold. As transformers reads them: every file that an index
// names, in the order of their names, a later one in place of an earlier; what the index says of single tensors does not count.
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { firstFew, UserError } from '../errors/index.js'
import { describeCut } from '../hub/index.js'
import { isObject, readObject } from '../schema/index.js'
import type { TorchTensor } from '../torch/index.js'
import { type Checkpoint, INDEX, SINGLE, TORCH_INDEX, TORCH_SINGLE, WEIGHT_FILES } from './checkpoint.js'
import { describeMissing, hasWeights } from './foreign.js'
import type { TensorEntry } from './header.js'
import { madeFile, openFile } from './made-file.js'
import { readWeightHeader } from './weight-reader.js'

export interface Shards {
  /** Weight files, in the order in which they are read. */
  files: string[]
  /** The file that lists them, and where it says that each tensor is; null for a single file. */
  index: { name: string; places: ReadonlyMap<string, string> } | null
  /** Sentences for the user. */
  notes: string[]
}

/**
 * The weight files of a folder; null where there are none.
 * @param config its config.json, which may name them (`transformers_weights`)
 * @throws UserError for an index that no loader could follow
 */
export async function listShards(folder: string, config: Checkpoint['config']): Promise<Shards | null> {
  const entries = await readdir(folder, { withFileTypes: true })
  // A folder with a model may have the name: newer versions of DeepSpeed's zero_to_fp32.py make one where a file was meant.
  const there = new Set(entries.map(({ name }) => name).filter((name) => !hasWeights(join(folder, name))))
  const named = config?.transformers_weights
  if (named !== undefined && named !== null) return listNamed(folder, named, there)
  const single = [SINGLE, TORCH_SINGLE].find((name) => there.has(name) && (name === SINGLE || !there.has(INDEX)))
  const index = [INDEX, TORCH_INDEX].find((name) => there.has(name))
  if (single) {
    // accelerate's save_state numbers further models of one training.
    const further = single.replace('.', '_1.')
    const beside = [...(single === SINGLE && index === INDEX ? [INDEX] : []), ...(there.has(further) ? [further] : [])]
    const notes = beside.map((other) => `${folder}: ${single} is read, and not ${other}`)
    return { files: [single], index: null, notes }
  }
  return index ? listIndexed(folder, index, there) : null
}

/** Whether a folder holds whole weights, under a usual name or one that its config.json has. */
export function holdsWhole(folder: string): boolean {
  if (WEIGHT_FILES.some((name) => existsSync(join(folder, name)))) return true
  const config = join(folder, 'config.json')
  const named = existsSync(config) ? readObject(config).transformers_weights : undefined
  return typeof named === 'string' && isInside(named) && existsSync(join(folder, named))
}

/** The file that config.json names, or those that the index it names does: it counts alone, whatever else is there. */
function listNamed(folder: string, named: unknown, there: ReadonlySet<string>): Shards {
  const isIndex = typeof named === 'string' && named.endsWith('.safetensors.index.json')
  if (typeof named !== 'string' || (!isIndex && !named.endsWith('.safetensors')) || !isInside(named))
    throw new UserError(
      `${folder}: config.json: transformers_weights is ${JSON.stringify(named)}; a .safetensors file of the folder, or the index of several, is wanted`,
    )
  if (!existsSync(join(folder, named)))
    throw new UserError(`${folder}: config.json: transformers_weights names ${named}, which is not there`)
  const note = `${folder}: config.json names ${named} as the weights (transformers_weights); other weight files are not read`
  const found = isIndex ? listIndexed(folder, named, there) : { files: [named], index: null, notes: [] }
  return { ...found, notes: WEIGHT_FILES.some((name) => name !== named && there.has(name)) ? [note] : [] }
}

/** Whether a relative path stays in its folder. */
const isInside = (path: string): boolean =>
  !/[\\\0]/.test(path) && !path.split('/').some((part) => /^\.{0,2}$/.test(part))

/** The path in the folder of a file that its index names by any path that leads there; null where it leads elsewhere. */
function placeIn(folder: string, given: string): string | null {
  const place = relative(resolve(folder), resolve(folder, given)).replaceAll(sep, '/')
  return !/[\\\0]/.test(given) && isInside(place) ? place : null
}

function listIndexed(folder: string, index: string, there: ReadonlySet<string>): Shards {
  const path = join(folder, index)
  const map = readObject(path).weight_map
  if (!isObject(map)) throw new UserError(`${path}: weight_map is not an object of tensor name → file`)
  const places = new Map<string, string>()
  for (const [name, given] of Object.entries(map)) {
    const file = typeof given === 'string' ? placeIn(folder, given) : null
    if (file === null)
      throw new UserError(
        `${path}: tensor ${JSON.stringify(name)}: shard ${JSON.stringify(given)} is no path of a file in the folder, with / between its parts`,
      )
    places.set(name, file)
  }
  if (!places.size) throw new UserError(`${path}: weight_map is empty`)
  const files = [...new Set(places.values())].sort(byCodePoint)
  const missing = files.find((file) => !existsSync(join(folder, file)))
  if (missing !== undefined)
    throw new UserError(
      `${path}: shard ${JSON.stringify(missing)} is missing${describeMissing(missing, there)}${describeCut(folder)}`,
    )
  return { files, index: { name: index, places }, notes: [] }
}

/** A sentence names at most this many tensors of each kind. */
const NAMED = 4

/** Bytes at the end of a file that are looked at. */
const TAIL = 1 << 16

/**
 * What the end of a file says: one whose room was reserved and whose download did not end has zeros there, and its header fits it.
 * @param entries its tensors
 */
async function noteOnEnd(path: string, entries: readonly TensorEntry[]): Promise<string[]> {
  if (madeFile(path)) return []
  const file = await openFile(path)
  try {
    if (file.size < 2 * TAIL) return []
    const tail = new Uint8Array(TAIL)
    await file.read(tail, file.size - TAIL)
    if (tail.some((byte) => byte !== 0)) return []
    const last = entries.reduce((one, two) => (two.end > one.end ? two : one)).name
    return [
      `${path}: its last ${TAIL} bytes are zeros, up to the end of ${last}: if that is no weight of zeros, its download did not end; compare its checksum`,
    ]
  } finally {
    await file.close()
  }
}

/** As Python sorts. */
const byCodePoint = (one: string, two: string): number => Buffer.compare(Buffer.from(one), Buffer.from(two))

/** The entries of all files by name, those that must be gathered, and how files and index differ. */
export async function readTensors(
  folder: string,
  { files, index, notes: said }: Shards,
): Promise<{ tensors: Map<string, TensorEntry>; gathered: Map<string, TorchTensor>; notes: string[] }> {
  const tensors = new Map<string, TensorEntry>()
  const gathered = new Map<string, TorchTensor>()
  const twice = new Map<string, string>()
  const notes = [...said]
  for (const shard of files) {
    const { entries, views, notes: told } = await readWeightHeader(join(folder, shard))
    notes.push(...told, ...(await noteOnEnd(join(folder, shard), entries)))
    for (const entry of entries) {
      if (tensors.has(entry.name)) twice.set(entry.name, `${entry.name} (${shard} counts)`)
      gathered.delete(entry.name)
      tensors.set(entry.name, entry)
    }
    for (const view of views) gathered.set(view.name, view)
  }
  if (!index) return { tensors, gathered, notes }
  const { name, places } = index
  const kinds: readonly (readonly [string, readonly string[]])[] = [
    ['in several files', [...twice.values()]],
    ['in a file and not in the index', [...tensors.keys()].filter((tensor) => !places.has(tensor))],
    ['in the index and in no file', [...places.keys()].filter((tensor) => !tensors.has(tensor))],
    [
      'in another file than the index says',
      [...tensors].flatMap(([tensor, { file }]) =>
        [undefined, relative(folder, file).replaceAll(sep, '/')].includes(places.get(tensor)) ? [] : [tensor],
      ),
    ],
  ]
  const told = kinds
    .filter(([, names]) => names.length)
    .map(
      ([what, names]) =>
        `${names.length} ${names.length > 1 ? 'tensors' : 'tensor'} ${what}: ${firstFew(names, NAMED)}`,
    )
  if (!told.length) return { tensors, gathered, notes }
  const text = `${folder}: ${name} and the files differ; what the files hold is read, as in transformers: ${told.join('; ')}`
  return { tensors, gathered, notes: [...notes, text] }
}
