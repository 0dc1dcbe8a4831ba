// The base of a delta: its tensors by name, and its other files; the bytes that belong to a piece.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openStoredTensors, type TensorEntry } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import type { BasePiece } from '../kernels/index.js'
import { countWrappers, plainName } from '../naming/index.js'
import { isObject } from '../schema/index.js'
import type { Delta } from './container.js'
import type { DeltaBase } from './description.js'

/** The folder of a model, or the one that a delta file makes. */
export interface ModelFolder {
  path: string
  /** What it is called in messages. */
  name: string
  /** Files and folders that it is made of: itself, or its base and the delta file, which is the last. */
  sources: readonly string[]
  close(): Promise<void>
}

export const plainFolder = (path: string): ModelFolder => ({
  path,
  name: path,
  sources: [path],
  close: async () => undefined,
})

export interface Base extends ModelFolder {
  tensors: ReadonlyMap<string, TensorEntry>
  /** The file on the disk that holds it, or that it is made of. */
  fileOf(base: DeltaBase): string
  /** Its bytes from … on. */
  pieceOf(base: DeltaBase, piece: { from: number; bytes: number }): Promise<BasePiece>
}

/** @param given its folder, which is closed with it @throws UserError for a folder without weights */
export async function openBase(given: string | ModelFolder): Promise<Base> {
  const folder = typeof given === 'string' ? plainFolder(given) : given
  const { path } = folder
  const { tensors, isWhole, bytes, close } = await openStoredTensors(path).catch(async (error: unknown) => {
    await folder.close()
    throw error
  })
  const pathOf = ({ name, dtype }: DeltaBase): string =>
    dtype === undefined ? join(path, name) : tensors.get(name)!.file
  return {
    ...folder,
    tensors,
    fileOf: (base) => (folder.sources.includes(path) ? pathOf(base) : folder.sources.at(-1)!),
    async pieceOf(base, piece) {
      const { name, dtype = '' } = base
      if (dtype && !isWhole(name)) return { given: await bytes(name, piece.from, piece.from + piece.bytes), dtype }
      const begin = dtype ? tensors.get(name)!.begin : 0
      return { file: pathOf(base), begin: begin + piece.from, bytes: piece.bytes, dtype }
    },
    close: async () => void (await Promise.all([close(), folder.close()])),
  }
}

/** Null where there is none, or it says nothing. */
export async function storedConfig(folder: string): Promise<Record<string, unknown> | null> {
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => null)
  try {
    const config: unknown = text === null ? null : JSON.parse(text)
    return isObject(config) ? config : null
  } catch {
    return null
  }
}

/**
 * The delta with the names that this base has: what trainers leave in names does not matter.
 * @throws UserError where two tensors of the base are called alike but for that
 */
async function renamed(delta: Delta, base: Base): Promise<Delta> {
  const { path, tensors } = base
  const names = neededOf(delta).flatMap(({ name, dtype }) => (dtype === undefined ? [] : [name]))
  if (names.every((name) => tensors.has(name))) return delta
  const config = await storedConfig(path)
  const [depth, own] = [countWrappers(names, config), countWrappers(tensors.keys(), config)]
  const known = new Map<string, string[]>()
  for (const name of tensors.keys()) {
    const plain = plainName(name, own)
    known.set(plain, [...(known.get(plain) ?? []), name])
  }
  const rename = (name: string): string => {
    if (tensors.has(name)) return name
    const [found = name, other] = known.get(plainName(name, depth)) ?? []
    if (other === undefined) return found
    const [wanted, one, two] = [name, found, other].map((each) => JSON.stringify(each))
    throw wrongBase(delta, base, `its tensors ${one} and ${two} may both be the base's ${wanted}`)
  }
  const units = delta.units.map((unit) =>
    unit.base?.dtype === undefined ? unit : { ...unit, base: { ...unit.base, name: rename(unit.base.name) } },
  )
  return { ...delta, units }
}

const wrongBase = ({ file }: Delta, { name }: Base, why: string): UserError =>
  new UserError(`${name}: is not the base of ${file}: ${why}`)

/** What a delta needs of its base. */
export const neededOf = ({ units }: Delta): DeltaBase[] => units.flatMap((unit) => unit.base ?? [])

/**
 * The delta with the names that its base has.
 * @throws UserError where a base lacks what it needs, or has it in another form; by the headers alone
 */
export async function fitToBase(given: Delta, base: Base): Promise<Delta> {
  const { path, tensors } = base
  const delta = await renamed(given, base)
  const other = (why: string): UserError => wrongBase(delta, base, why)
  for (const each of neededOf(delta)) {
    const { name, dtype, bytes } = each
    if (dtype !== undefined) {
      const found = tensors.get(name)
      if (!found) throw other(`it has no tensor ${JSON.stringify(name)}`)
      const [wanted, has] = [each, found].map(({ dtype, shape = [] }) => `${dtype} [${shape.join(', ')}]`)
      if (wanted !== has || found.end - found.begin !== bytes)
        throw other(`its tensor ${JSON.stringify(name)} is ${has}, and the base's was ${wanted}`)
    } else {
      const info = await stat(join(path, name)).catch(() => null)
      if (!info?.isFile()) throw other(`it has no file ${name}`)
      if (info.size !== bytes) throw other(`its ${name} has ${info.size} bytes, and the base's had ${bytes}`)
    }
  }
  return delta
}
