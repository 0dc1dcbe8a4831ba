// A delta file as a model: the folder that it makes, opened like any other.
import { type Checkpoint, companionsOf, homeOf, isAdapter, openAdapter, openFolder } from '../checkpoint/index.js'
import { type ModelFolder, openDelta, openDeltaFolder } from '../delta/index.js'
import { UserError } from '../errors/index.js'
import { remoteModel } from '../hub/index.js'
import type { NamedDelta } from './find-delta.js'

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
 * @param base its folder, which is closed with the model
 * @param given the base, where it is open, for an adapter; it stays open
 * @throws UserError for another base
 */
export async function openDeltaModel(file: string, base: ModelFolder, given: Checkpoint | null): Promise<Checkpoint> {
  const { path, name, close: closeFolder } = await openDeltaFolder(file, base)
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
      if (isAlone) under = await openFolder(base.path)
      return openAdapter(path, given ?? under!)
    })
    return {
      ...opened,
      folder: given ? file : name,
      home: homeOf(opened),
      companions: companionsOf(opened),
      sources: [file],
      under: base.sources,
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
