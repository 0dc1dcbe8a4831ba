// Inputs of passes that lie in no file: a thread makes the pieces that their entries are in, and keeps them while it works on the tensor.
import { PassError, type PieceFault, type RestoredLossy, type RestoredPiece } from '../kernels/index.js'
import { freeArrays } from './garbage.js'

/** A piece of a file that is made when it is read. */
export interface MadePiece {
  /** Where it begins in the file. */
  begin: number
  restored: Omit<RestoredPiece, 'to'> | Omit<RestoredLossy, 'to'>
}

/** An input of a pass that lies in such a file. */
export interface MadeInput {
  of: number | 'base'
  pieces: readonly MadePiece[]
  /** Whether they stay for the next passes over this tensor; otherwise the last one does, in which the next block may begin. */
  stay: boolean
}

/** What the source of such an input calls its file. */
export const madeName = (of: MadeInput['of']): string => `\0${of}`
/** Stands for the thread itself, where it is said where a piece goes. */
const HERE = [{ file: '\0', begin: 0 }] as const

export interface MadeInputs {
  /** Makes what is missing of the inputs of a tensor. @throws PassError for a piece that cannot be made */
  make(tensor: number, inputs: readonly MadeInput[]): void
  /** Fills the target, if the file is an input. */
  read(file: string, target: Uint8Array, position: number): boolean
  /** Takes the piece, if it goes here. */
  write(file: string, bytes: Uint8Array): boolean
}

/** @param restore makes a piece and calls `write` with it */
export function openMadeInputs(restore: (piece: RestoredPiece | RestoredLossy) => PieceFault): MadeInputs {
  /** Pieces by the names of the inputs, and by where they begin. */
  const kept = new Map<string, Map<number, Uint8Array>>()
  let last = -1
  let made = new Uint8Array()
  const makeInput = ({ of, pieces, stay }: MadeInput): void => {
    const own = kept.get(madeName(of)) ?? new Map<number, Uint8Array>()
    kept.set(madeName(of), own)
    const missing = pieces.filter(({ begin }) => !own.has(begin))
    if (missing.length && !stay)
      for (const begin of own.keys()) if (!pieces.some((piece) => piece.begin === begin)) own.delete(begin)
    for (const { begin, restored } of missing) {
      if (restore({ ...restored, to: HERE }) !== null) throw new PassError(of, 0, Number.NaN)
      own.set(begin, made)
    }
  }
  return {
    make(tensor, inputs) {
      if (tensor !== last && kept.size) {
        kept.clear()
        freeArrays()
      }
      last = tensor
      inputs.forEach(makeInput)
    },
    read(file, target, position) {
      const pieces = kept.get(file)
      if (!pieces) return false
      const end = position + target.length
      for (const [begin, bytes] of pieces)
        if (begin < end && begin + bytes.length > position)
          target.set(bytes.subarray(Math.max(0, position - begin), end - begin), Math.max(0, begin - position))
      return true
    },
    write(file, bytes) {
      if (file !== HERE[0].file) return false
      made = bytes.slice()
      return true
    },
  }
}
