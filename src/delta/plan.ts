// What is stored of a model folder: its files as units, tensors and what lies between them, each with what the base has of it.
import { readdir, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { type FileTensor, madeFile, type TensorEntry, tensorsOfFile } from '../checkpoint/index.js'
import { printable, UserError } from '../errors/index.js'
import { chooseCompanions } from '../hub/index.js'
import { isComparable } from '../kernels/index.js'
import { canonicalName, countWrappers, plainName } from '../naming/index.js'
import { type Base, storedConfig } from './base.js'
import { type DeltaUnit, isOddPath } from './description.js'
import { hashOfStart, isSame } from './same.js'

/** Where bytes lie. */
export interface BytePlace {
  file: string
  begin: number
}

/** What a unit with loss is made of: places from its first entry on, and magnitudes of its matrices. */
export interface LossySource {
  /** The edited delta in float32, or the edited weights; null where it is the delta. */
  edited: (BytePlace & { of: 'delta' | 'weights' }) | null
  scales: Float32Array | null
  /** The head of the records, and the record of each piece, where they are made already. */
  given: { head: Uint8Array; records: readonly Uint8Array[] } | null
  close(): Promise<void>
}

/** How a tensor is stored, where it is not lossless. */
export interface CodecPlan extends Pick<DeltaUnit, 'codec' | 'options' | 'matrices' | 'edit'> {
  /** The base's tensor; null for a codec that does without. */
  base: BytePlace | null
  /** Tensors of the same bytes are stored once where this is the same, too. */
  source: string
  /** Makes what is stored, when its turn comes; null for a codec without loss. */
  prepare: (() => Promise<LossySource>) | null
}

/** A unit with the place of its bytes. */
export interface PlannedUnit extends DeltaUnit {
  post: BytePlace
  plan?: CodecPlan | undefined
}

/** A place as the key of a map. */
export const placeKey = ({ file, begin }: BytePlace): string => `${begin} ${file}`

export interface DeltaPlan {
  units: PlannedUnit[]
  /** Paths in the folder, and numbers of units. */
  files: { path: string; bytes: number; units: number[] }[]
  /** Files that stay behind, because they are hidden. */
  hidden: string[]
}

/** The files of a folder, in order; of hidden ones the names alone. */
async function listFiles(folder: string): Promise<{ files: string[]; hidden: string[] }> {
  const found = { files: [] as string[], hidden: [] as string[] }
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      const path = `${below}${entry.name}`
      if (entry.name.startsWith('.')) found.hidden.push(path)
      else if (entry.isDirectory()) await walk(`${path}/`)
      else if ((await stat(join(folder, path)).catch(() => null))?.isFile()) found.files.push(path)
      else throw new UserError(`${join(folder, path)}: is neither a file nor a link to one, and cannot be stored`)
    }
  }
  await walk('')
  const byName = (one: string, two: string): number => (one < two ? -1 : 1)
  return { files: found.files.sort(byName), hidden: found.hidden.sort(byName) }
}

/** What the base has, by names. */
interface BaseContent {
  folder: string
  tensors: ReadonlyMap<string, TensorEntry>
  /** By the names that are the same in all spellings, and by those without the first part. */
  spelled: ReadonlyMap<string, TensorEntry>
  shortened: ReadonlyMap<string, TensorEntry>
  config: Record<string, unknown> | null
  /** Paths of the files that it has wherever it was downloaded. */
  companions: ReadonlySet<string>
  /** Its tensors by their places; empty ones lie where others begin. */
  placed: ReadonlyMap<string, TensorEntry>
  isFast: boolean
}

/** Tensors by the places of their bytes. */
export const placedTensors = ({ tensors }: Pick<Base, 'tensors'>): Map<string, TensorEntry> =>
  new Map([...tensors.values()].filter(({ begin, end }) => end > begin).map((entry) => [placeKey(entry), entry]))

const shorten = (name: string): string => name.slice(name.indexOf('.') + 1)

/** The tensor of the base that a name means most likely: another would only save less. @param plain the name without what trainers leave in it */
const findTensor = (
  name: string,
  plain: string,
  { tensors, spelled, shortened, config }: BaseContent,
): TensorEntry | undefined =>
  tensors.get(name) ?? spelled.get(canonicalName(plain, config)) ?? shortened.get(name) ?? tensors.get(shorten(name))

/** How tensors are stored, by the places of their bytes. */
interface PlanOptions {
  /** Of those that are not stored lossless. */
  codecs?: ReadonlyMap<string, CodecPlan>
  /** Of those that may get a codec later: as `source` of a codec. */
  sources?: ReadonlyMap<string, CodecPlan['source']>
  /** Whether those that are stored lossless are packed: quick rather than short. */
  isFast?: boolean | undefined
}

/** @throws UserError for a folder that is not there, and weights that are not whole */
export async function planDelta(
  { path: folder, name, tensors }: Base,
  post: string,
  how: PlanOptions = {},
): Promise<DeltaPlan> {
  const { codecs = new Map(), sources = new Map(), isFast = false } = how
  const info = await stat(post).catch(() => null)
  if (!info?.isDirectory())
    throw new UserError(`${post}: ${info ? 'is a file; the folder of a model is wanted' : 'no such folder'}`)
  const [ownConfig, config] = [await storedConfig(post), await storedConfig(folder)]
  const wrappers = countWrappers(tensors.keys(), config ?? ownConfig)
  const named = (rename: (name: string) => string) =>
    new Map([...tensors].map(([name, entry]) => [rename(name), entry]))
  const content: BaseContent = {
    folder,
    tensors,
    spelled: named((name) => canonicalName(plainName(name, wrappers), config ?? ownConfig)),
    shortened: named(shorten),
    config: ownConfig ?? config,
    isFast,
    placed: placedTensors({ tensors }),
    companions: new Set(
      chooseCompanions((await readdir(folder, { recursive: true })).map((path) => path.replaceAll(sep, '/'))),
    ),
  }
  const { files, hidden } = await listFiles(post)
  const odd = files.find(isOddPath)
  if (odd !== undefined)
    throw new UserError(
      `${join(post, odd)}: a name with a colon, a backslash or a control character cannot be stored, since not all systems have such files; rename it`,
    )
  const plan: DeltaPlan = { units: [], files: [], hidden }
  for (const path of files) await planFile(plan, { folder: post, path, codecs }, content)
  if (!plan.units.some(({ name }) => name !== undefined))
    throw new UserError(`${post}: holds no weights that could be compared with those of ${name}`)
  await shareTensors(plan, sources)
  nameData(plan.units)
  return plan
}

async function planFile(
  plan: DeltaPlan,
  { folder, path, codecs }: { folder: string; path: string; codecs: ReadonlyMap<string, CodecPlan> },
  base: BaseContent,
): Promise<void> {
  const file = join(folder, path)
  const size = madeFile(file)?.size ?? (await stat(file)).size
  const own: number[] = []
  const add = (unit: PlannedUnit): void => void own.push(plan.units.push(unit) - 1)
  const tensors = await tensorsOfFile(file)
  const wrappers = countWrappers(
    tensors.map(({ name }) => name),
    base.config,
  )
  let at = 0
  const fillTo = (end: number): void => {
    if (end > at) add({ codec: 'lossless', bytes: end - at, post: { file, begin: at } })
  }
  for (const entry of tensors) {
    fillTo(entry.begin)
    const unit = tensorUnit(entry, plainName(entry.name, wrappers), base)
    const own = codecs.get(placeKey(unit.post))
    add(own ? codedUnit(unit, own, base.placed) : unit)
    at = entry.end
  }
  if (tensors.length || size === 0) fillTo(size)
  else add(base.companions.has(path) ? await fileUnit(file, path, size, base.folder) : fileAlone(file, size))
  plan.files.push({ path, bytes: size, units: own })
}

/** A tensor, with the one of the base that has its name, and its shape or fewer or more rows. */
function tensorUnit(
  { name, dtype, shape, file, begin, end, isTurned }: FileTensor,
  plain: string,
  base: BaseContent,
): PlannedUnit {
  const unit: PlannedUnit = { codec: 'lossless', bytes: end - begin, name, dtype, shape, post: { file, begin } }
  const found = isTurned ? undefined : findTensor(name, plain, base)
  if (!found || found.begin === found.end || !isComparable(found.dtype, dtype)) return unit
  if (found.shape.length !== shape.length || found.shape.slice(1).join() !== shape.slice(1).join()) return unit
  return {
    ...unit,
    ...(base.isFast && { codec: 'packed' }),
    base: { name: found.name, bytes: found.end - found.begin, dtype: found.dtype, shape: found.shape },
  }
}

/** The unit, stored as its plan says. @param placed tensors of the base by their places */
export function codedUnit(unit: PlannedUnit, plan: CodecPlan, placed: ReadonlyMap<string, TensorEntry>): PlannedUnit {
  const { base: _, ...alone } = unit
  const { codec, options, matrices, edit } = plan
  const found = plan.base && placed.get(placeKey(plan.base))
  const base = found && { name: found.name, bytes: found.end - found.begin, dtype: found.dtype, shape: found.shape }
  return {
    ...{ ...alone, codec, plan },
    ...(base && { base }),
    ...(options && { options }),
    ...(matrices !== undefined && matrices > 1 && { matrices }),
    ...(edit?.length && { edit }),
  }
}

const fileAlone = (file: string, bytes: number): PlannedUnit => ({ codec: 'lossless', bytes, post: { file, begin: 0 } })

/** A file without tensors, with the file of the base that is equal to it. */
async function fileUnit(file: string, path: string, bytes: number, base: string): Promise<PlannedUnit> {
  const unit = fileAlone(file, bytes)
  const other = join(base, path)
  const info = await stat(other).catch(() => null)
  if (!info?.isFile() || info.size !== bytes) return unit
  if (!(await isSame({ file, begin: 0 }, { file: other, begin: 0 }, bytes))) return unit
  return { ...unit, base: { name: path, bytes } }
}

/** Tensors of the same bytes become one unit. */
async function shareTensors(plan: DeltaPlan, sources: ReadonlyMap<string, string>): Promise<void> {
  const groups = new Map<string, number[]>()
  const first = new Map<number, number>()
  for (const [i, { name, dtype, bytes, post, plan: own }] of plan.units.entries()) {
    if (name === undefined) continue
    const source = own?.source ?? sources.get(placeKey(post)) ?? ''
    const key = `${source} ${dtype} ${bytes} ${await hashOfStart(post, bytes)}`
    const group = groups.get(key) ?? []
    groups.set(key, group)
    let equal = i
    for (const other of group)
      if (await isSame(plan.units[i]!.post, plan.units[other]!.post, bytes)) {
        equal = other
        break
      }
    if (equal === i) group.push(i)
    else first.set(i, equal)
  }
  if (!first.size) return
  const kept = [...plan.units.keys()].filter((i) => !first.has(i))
  const numbers = new Map(kept.map((i, number) => [i, number]))
  plan.units = kept.map((i) => plan.units[i]!)
  for (const file of plan.files) file.units = file.units.map((i) => numbers.get(first.get(i) ?? i)!)
}

/** The name of the entry of each unit: its own, where it is one that a header may have and no other has it. */
function nameData(units: PlannedUnit[]): void {
  const used = new Set(['pieces', 'description', '__metadata__'])
  for (const [i, unit] of units.entries()) {
    const { name } = unit
    const isPlain = name !== undefined && printable(name) === name && !/[\n\t\p{Cs}]|^unit \d+$/u.test(name)
    unit.data = isPlain && !used.has(name) ? name : `unit ${i}`
    used.add(unit.data)
  }
}
