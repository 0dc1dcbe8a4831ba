// Bytes of the files that a delta file makes, decoded when they are read.
import { closeSync, openSync } from 'node:fs'
import {
  type LossyMachine,
  makeLossyMachine,
  makePieceMachine,
  type PieceMachine,
  type Storage,
} from '../kernels/index.js'
import { type MadePiece, readInto } from '../stream/index.js'
import type { Base } from './base.js'
import type { Delta, PlacedPiece } from './container.js'
import { headUnits, piecesOf, unitName } from './description.js'
import { type DeltaPiece, faultOf, restoredPiece } from './restored.js'

/** Pieces that are kept: blocks of some tensors are asked for in turn. */
const KEPT = 8

export interface DeltaFiles {
  /**
   * Fills the target with bytes of a file from a position on.
   * @throws UserError for another base, and for a damaged delta
   */
  fill(path: string, target: Uint8Array, position: number): Promise<void>
  /** The pieces that these bytes are in, for threads that make them. */
  pieces(path: string, position: number, bytes: number): Promise<MadePiece[]>
  close(): void
}

/** A piece with the place of its first byte in a file. */
interface FilePiece extends DeltaPiece {
  from: number
}

type ReadBase = Pick<Base, 'name' | 'pieceOf'>

export function openDeltaFiles(delta: Delta, base: ReadBase): DeltaFiles {
  const files = new Map(delta.files.map((file) => [file.path, file]))
  const places = new Map<string, FilePiece[]>()
  const kept = new Map<PlacedPiece, Promise<Uint8Array>>()
  const decoder = openDecoder(delta, base)
  const bytesOf = (path: string, wanted: FilePiece): Promise<Uint8Array> => {
    const { stored } = wanted
    const bytes = kept.get(stored) ?? decoder.decode(wanted, path)
    kept.delete(stored)
    kept.set(stored, bytes)
    bytes.catch(() => kept.delete(stored)) // said where it is awaited
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!)
    return bytes
  }
  const placesIn = (path: string): FilePiece[] => {
    const known = places.get(path) ?? placesOf(delta, files.get(path)!.units)
    places.set(path, known)
    return known
  }
  return {
    async fill(path, target, position) {
      const all = placesIn(path)
      for (let i = lastAt(all, position), done = 0; done < target.length; i++) {
        const { from, piece } = all[i]!
        const begin = position + done - from
        const part = (await bytesOf(path, all[i]!)).subarray(begin, Math.min(piece.bytes, begin + target.length - done))
        target.set(part, done)
        done += part.length
      }
    },
    pieces(path, position, bytes) {
      const all = placesIn(path)
      const own = bytes ? all.slice(lastAt(all, position), lastAt(all, position + bytes - 1) + 1) : []
      return Promise.all(
        own.map(async (each) => ({ begin: each.from, restored: await restoredPiece(each, { delta, base }) })),
      )
    },
    close() {
      kept.clear()
      decoder.close()
    },
  }
}

/** Memory is taken when the first piece is decoded, and given back when the decoder is closed. */
function openDecoder(delta: Delta, base: ReadBase) {
  const open = new Map<string, number>()
  let exact: PieceMachine | null = null
  let lossy: LossyMachine | null = null
  let made = new Uint8Array()
  const storage: Storage = {
    read(file, target, position) {
      if (!open.has(file)) open.set(file, openSync(file, 'r'))
      readInto(open.get(file)!, target, position, file)
    },
    write(_, bytes) {
      made = bytes.slice()
    },
  }
  return {
    /** @param path of a file that it belongs to */
    async decode(wanted: FilePiece, path: string): Promise<Uint8Array> {
      const restored = { ...(await restoredPiece(wanted, { delta, base })), to: [{ file: path, begin: 0 }] }
      const fault =
        'lossy' in restored
          ? (lossy ??= makeLossyMachine(storage)).restore(restored)
          : (exact ??= makePieceMachine(storage)).restore(restored)
      if (fault !== null) throw faultOf(fault, { delta, base }, unitName(delta.units[wanted.unit]!, path))
      return made
    },
    close() {
      for (const handle of open.values()) closeSync(handle)
      open.clear()
      exact = null
      lossy = null
    },
  }
}

function placesOf({ units, pieces }: Delta, own: readonly number[]): FilePiece[] {
  let begin = 0
  const heads = headUnits(units)
  return own.flatMap((unit) => {
    const start = begin
    begin += units[unit]!.bytes
    return [...piecesOf(units[unit]!)].map((piece, k) => ({
      from: start + piece.from,
      unit,
      piece,
      stored: pieces[unit]![k]!,
      first: pieces[heads[unit]!]![0]!.begin,
    }))
  })
}

/** The last piece that begins at a position or before it. */
function lastAt(pieces: readonly FilePiece[], position: number): number {
  let [low, high] = [0, pieces.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (pieces[middle]!.from <= position) low = middle
    else high = middle - 1
  }
  return low
}
