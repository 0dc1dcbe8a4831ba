// Work of commands that write a checkpoint: its bytes, and the names of its tensors.
import { tally } from '../progress/index.js'

export interface ToldBytes {
  /** Names a tensor that is finished. */
  onTensor(name: string): void
  /** Counts bytes; those of an earlier run say nothing of the rate. */
  onBytes(bytes: number, earlier: boolean): void
}

/** Does work that writes so many bytes, and says how far it is. */
export const trackBytes = <T>(name: string, total: number, does: (told: ToldBytes) => Promise<T>): Promise<T> =>
  tally({ name, unit: 'bytes', total }, ({ add, found }) =>
    does({ onTensor: (tensor) => add(0, tensor), onBytes: (bytes, earlier) => (earlier ? found(bytes) : add(bytes)) }),
  )
