// A delta file as a model: the folder that it makes, opened like any other.
import { existsSync } from 'node:fs'
import { type Checkpoint, companionsOf, homeOf, isAdapter, openAdapter, openFolder } from '../checkpoint/index.js'
import { isDeltaFile, openDelta, openDeltaFolder } from '../delta/index.js'
import { UserError } from '../errors/index.js'
import { type ResolveOptions, remoteModel, resolveFile } from '../hub/index.js'
import { isBitDeltaFile } from './bitdelta.js'

/** A delta file as a user names it. */
export interface NamedDelta {
  file: string
  /** What it is called: its path, or its name on the hub. */
  name: string
  /** The base in front of it; null where the file stands alone. */
  base: string | null
  /** Whether it is one of BitDelta. */
  isBitDelta: boolean
}

/**
 * `FILE`, or `BASE+FILE`; null for words that name no delta file. A file on the hub, `org/name:path`, is downloaded first.
 * @throws UserError for a file of that name that is not there, and as resolveFile does
 */
export async function findDelta(reference: string, options: ResolveOptions = {}): Promise<NamedDelta | null> {
  const whole = await resolveFile(reference, options)
  if (existsSync(whole)) return kindOf(whole, { name: reference, base: null })
  for (let at = reference.lastIndexOf('+'); at > 0; at = reference.lastIndexOf('+', at - 1)) {
    const name = reference.slice(at + 1)
    const file = await resolveFile(name, options)
    const found = existsSync(file) && (await kindOf(file, { name, base: reference.slice(0, at) }))
    if (found) return found
  }
  const last = reference.slice(reference.lastIndexOf('+') + 1)
  if (last.endsWith('.delta')) throw new UserError(`${last}: no such file`)
  return null
}

async function kindOf(file: string, named: Pick<NamedDelta, 'name' | 'base'>): Promise<NamedDelta | null> {
  const isBitDelta = await isBitDeltaFile(file)
  return isBitDelta || (await isDeltaFile(file)) ? { file, ...named, isBitDelta } : null
}

/** The base that a file names, if it is one of the hub. @throws UserError where it must be given */
export async function recordedBase({ file, name, isBitDelta }: NamedDelta): Promise<string> {
  if (isBitDelta)
    throw new UserError(
      `${name}: is a file of BitDelta, and no model without its base: write <folder of the base>+${name}`,
    )
  const { base } = await openDelta(file)
  if (base.includes('/') && remoteModel(base)) return base
  throw new UserError(
    `${name}: is a delta file of the base ${JSON.stringify(base)}, and no model without it: write <folder of the base>+${name}`,
  )
}

/**
 * The model of a delta file. Weights are decoded when they are read; nothing is computed again: all is as in the folder that `apply` writes.
 * @param base folder of the base
 * @param given the base, where it is open, for an adapter; it stays open
 * @throws UserError for another base
 */
export async function openDeltaModel(file: string, base: string, given?: Checkpoint): Promise<Checkpoint> {
  const { path, close: closeFolder } = await openDeltaFolder(file, base)
  // What lies in the temporary folder is said to lie in the file.
  const own = (text: string): string => text.replaceAll(path, file)
  const named = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (error instanceof UserError && error.message.includes(path))
        throw new UserError(own(error.message), { cause: error })
      throw error
    }
  }
  const isAlone = isAdapter(path) && !given
  let under: Checkpoint | undefined
  try {
    const opened = await named(async () => {
      if (!isAdapter(path)) return openFolder(path)
      if (isAlone) under = await openFolder(base)
      return openAdapter(path, given ?? under!)
    })
    return {
      ...opened,
      folder: given ? file : `${base}+${file}`,
      home: homeOf(opened),
      companions: companionsOf(opened),
      sources: [file],
      notes: opened.notes.map(own),
      read: (name) => named(() => opened.read(name)),
      readEntries: (name, entries) => named(() => opened.readEntries(name, entries)),
      readBytes: (name) => named(() => opened.readBytes(name)),
      close: async () => void (await Promise.all([opened.close(), under?.close(), closeFolder()])),
    }
  } catch (error) {
    await Promise.all([under?.close(), closeFolder()])
    throw error
  }
}
