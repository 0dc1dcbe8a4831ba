// Divergences position by position: plain lists of equal length.

/** One entry for each position (token, or row of a classifier), in the order of the batches. */
export interface Positions {
  /** Index of the item. */
  items: Int32Array
  /** Number of the sequence, counted over the batches. */
  sequences: Int32Array
  /** KL(post ‖ edited) in nats. */
  kl: Float64Array
  /** −ln of the probability of the right outcome. */
  lossPost: Float64Array
  lossEdited: Float64Array
  /** The likeliest outcome, the first of equals. */
  topPost: Int32Array
  topEdited: Int32Array
}

/** Zeros, to be filled in. */
export function emptyPositions(items: Int32Array, sequences: Int32Array): Positions {
  const [numbers, indices] = [() => new Float64Array(items.length), () => new Int32Array(items.length)]
  return {
    items,
    sequences,
    kl: numbers(),
    lossPost: numbers(),
    lossEdited: numbers(),
    topPost: indices(),
    topEdited: indices(),
  }
}

/** Positions of several measurements as one: the items and sequences of each follow those of the one before. */
export function joinPositions(parts: readonly Positions[]): Positions {
  const chain = (name: keyof Positions) => parts.flatMap((part) => [...part[name]])
  const follow = (name: 'items' | 'sequences') => {
    let first = 0
    return parts.flatMap((part) => {
      const own = Array.from(part[name], (index) => first + index)
      first = own.reduce((most, index) => Math.max(most, index + 1), first)
      return own
    })
  }
  return {
    items: Int32Array.from(follow('items')),
    sequences: Int32Array.from(follow('sequences')),
    kl: Float64Array.from(chain('kl')),
    lossPost: Float64Array.from(chain('lossPost')),
    lossEdited: Float64Array.from(chain('lossEdited')),
    topPost: Int32Array.from(chain('topPost')),
    topEdited: Int32Array.from(chain('topEdited')),
  }
}
