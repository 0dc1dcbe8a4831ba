// Shapes of tensors.

/** Number of entries of a tensor of this shape. */
export const countEntries = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)
