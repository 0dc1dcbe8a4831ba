// Relative positions in buckets (Raffel et al. 2020, T5): each distance by itself while it is small, and ever longer ranges beyond.

/** How distances are sorted. */
export interface Buckets {
  /** Of one direction, or of both together. */
  count: number
  /** From here on every distance is in the last bucket. */
  furthest: number
  /** Keys behind a query have buckets of their own, not only those before it. */
  both: boolean
}

/** The bucket of a key that stands so many places behind the query (before it when negative); in float32, as in transformers. */
function bucketOf(distance: number, { count, furthest, both }: Buckets): number {
  const size = both ? Math.floor(count / 2) : count
  const first = both && distance > 0 ? size : 0
  const away = both ? Math.abs(distance) : Math.max(0, -distance)
  const exact = Math.floor(size / 2)
  if (away < exact) return first + away
  const octaves = Math.fround(Math.log(Math.fround(away / exact)))
  const share = Math.fround(octaves / Math.fround(Math.log(furthest / exact)))
  return first + Math.min(size - 1, exact + Math.trunc(Math.fround(share * (size - exact))))
}

/** Buckets of `length` keys for each of `columns` queries, the first of which stands at `past`: [columns * length]. */
export function bucketTable(columns: number, length: number, past: number, buckets: Buckets): Int32Array {
  // Of every distance once, from that of the last query to the first key on.
  const least = 1 - past - columns
  const known = Int32Array.from({ length: columns + length - 1 }, (_, i) => bucketOf(least + i, buckets))
  const table = new Int32Array(columns * length)
  for (let query = 0; query < columns; query++) {
    const from = columns - 1 - query
    table.set(known.subarray(from, from + length), query * length)
  }
  return table
}
