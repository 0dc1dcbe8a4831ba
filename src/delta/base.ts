// The base of a delta: its tensors by name, and its other files; the bytes that belong to a piece.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { madeFile, openStoredTensors, type TensorEntry } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import type { BasePiece } from '../kernels/index.js'
import type { DeltaBase } from './description.js'

/** The folder of a model, or the one that a delta file makes. */
export interface ModelFolder {
  path: string
  /** What it is called in messages. */
  name: string
  /** Files and folders that it is made of: itself, or the delta file and its base. */
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
    fileOf: (base) => madeFile(pathOf(base))?.source ?? pathOf(base),
    async pieceOf(base, piece) {
      const { name, dtype = '' } = base
      if (dtype && !isWhole(name)) return { given: await bytes(name, piece.from, piece.from + piece.bytes), dtype }
      const begin = dtype ? tensors.get(name)!.begin : 0
      return { file: pathOf(base), begin: begin + piece.from, bytes: piece.bytes, dtype }
    },
    close: async () => void (await Promise.all([close(), folder.close()])),
  }
}

/** @throws UserError where a base lacks what a delta needs, or has it in another form; by the headers alone. @param file the delta's */
export async function checkBase(
  { path, name: own, tensors }: Base,
  needed: readonly DeltaBase[],
  file: string,
): Promise<void> {
  const other = (why: string): UserError => new UserError(`${own}: is not the base of ${file}: ${why}`)
  for (const each of needed) {
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
}
