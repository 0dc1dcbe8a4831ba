// Shapes of tensors.

/** Number of entries of a tensor of this shape. */
export const countEntries = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)

/** Entries along the last axis of a tensor of this shape; 1 where there is none, or it is empty. */
export const columnsOf = (shape: readonly number[]): number => Math.max(1, shape.at(-1) ?? 1)
