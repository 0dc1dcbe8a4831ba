// Bytes of an open file, by their position.

/** So many bytes from a position. @throws Error where the file ends before */
export type ReadAt = (position: number, length: number) => Promise<Uint8Array>

/** A file that is open for reading. */
export interface OpenFile {
  size: number
  /** Fills the target from a position on. @returns how many bytes there were */
  read(target: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}
