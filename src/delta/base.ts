// The base of a delta: its tensors by name, and its other files; the bytes that belong to a piece.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openStoredTensors, type TensorEntry } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import type { BasePiece } from '../kernels/index.js'
import type { DeltaBase } from './description.js'

export interface Base {
  folder: string
  tensors: ReadonlyMap<string, TensorEntry>
  /** The file that holds it. */
  fileOf(base: DeltaBase): string
  /** Its bytes from … on. */
  pieceOf(base: DeltaBase, piece: { from: number; bytes: number }): Promise<BasePiece>
  close(): Promise<void>
}

/** @throws UserError for a folder without weights */
export async function openBase(folder: string): Promise<Base> {
  const { tensors, isWhole, bytes, close } = await openStoredTensors(folder)
  const fileOf = ({ name, dtype }: DeltaBase): string =>
    dtype === undefined ? join(folder, name) : tensors.get(name)!.file
  return {
    folder,
    tensors,
    fileOf,
    async pieceOf(base, piece) {
      const { name, dtype = '' } = base
      if (dtype && !isWhole(name)) return { given: await bytes(name, piece.from, piece.from + piece.bytes), dtype }
      const begin = dtype ? tensors.get(name)!.begin : 0
      return { file: fileOf(base), begin: begin + piece.from, bytes: piece.bytes, dtype }
    },
    close,
  }
}

/** @throws UserError where a base lacks what a delta needs, or has it in another form; by the headers alone. @param file the delta's */
export async function checkBase({ folder, tensors }: Base, needed: readonly DeltaBase[], file: string): Promise<void> {
  const other = (why: string): UserError => new UserError(`${folder}: is not the base of ${file}: ${why}`)
  for (const each of needed) {
    const { name, dtype, bytes } = each
    if (dtype !== undefined) {
      const found = tensors.get(name)
      if (!found) throw other(`it has no tensor ${JSON.stringify(name)}`)
      const [wanted, own] = [each, found].map(({ dtype, shape = [] }) => `${dtype} [${shape.join(', ')}]`)
      if (wanted !== own || found.end - found.begin !== bytes)
        throw other(`its tensor ${JSON.stringify(name)} is ${own}, and the base's was ${wanted}`)
    } else {
      const info = await stat(join(folder, name)).catch(() => null)
      if (!info?.isFile()) throw other(`it has no file ${name}`)
      if (info.size !== bytes) throw other(`its ${name} has ${info.size} bytes, and the base's had ${bytes}`)
    }
  }
}
