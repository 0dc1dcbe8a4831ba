// Bytes of an open file, by their position.

/** So many bytes from a position. @throws Error where the file ends before */
export type ReadAt = (position: number, length: number) => Promise<Uint8Array>
