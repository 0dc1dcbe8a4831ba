// MAGPRUNE: entries are ranked by magnitude within their row, and the rank decides the probability of being kept.

const DIGIT: usize = 256

/** Bins of magnitudes by their upper 12 bits: 8 of exponent, 4 of fraction. */
const SHIFT: u32 = 19

/**
 * v ×= factor of its rank where the draw reaches the limit of its rank, else 0. Ranks count from the smallest magnitude; equal ones
 * rank by index. A radix sort of (magnitude, index) pairs, four digits of 8 bits.
 * @param draws 24 bits for each entry
 * @param limits least draw that keeps the entry, i32 for each rank
 * @param factors factor of a kept entry, f32 for each rank
 * @param space 16 bytes for each column and 4096 bytes
 */
export function prune(v: usize, draws: usize, rows: i32, columns: i32, limits: usize, factors: usize, space: usize): void {
  const counts = space
  const first = space + 16 * DIGIT
  const second = first + (<usize>columns << 3)
  const bytes = <usize>columns << 2
  for (let row = 0; row < rows; row++, v += bytes, draws += bytes) {
    memory.fill(counts, 0, 16 * DIGIT)
    for (let i = 0; i < columns; i++) {
      const bits = load<u32>(v + (<usize>i << 2)) & 0x7fffffff
      store<u64>(first + (<usize>i << 3), (<u64>bits << 32) | <u64>i)
      for (let digit: usize = 0; digit < 4; digit++) {
        const at = counts + (digit << 10) + (<usize>((bits >> (<u32>digit << 3)) & 255) << 2)
        store<u32>(at, load<u32>(at) + 1)
      }
    }
    let from = first
    let to = second
    for (let digit: usize = 0; digit < 4; digit++) {
      const own = counts + (digit << 10)
      let sum: u32 = 0
      for (let bin: usize = 0; bin < DIGIT; bin++) {
        const at = own + (bin << 2)
        const size = load<u32>(at)
        store<u32>(at, sum)
        sum += size
      }
      const shift = 32 + (<u64>digit << 3)
      for (let i = 0; i < columns; i++) {
        const pair = load<u64>(from + (<usize>i << 3))
        const at = own + (<usize>((pair >> shift) & 255) << 2)
        const place = load<u32>(at)
        store<u32>(at, place + 1)
        store<u64>(to + (<usize>place << 3), pair)
      }
      const swap = from
      from = to
      to = swap
    }
    for (let rank = 0; rank < columns; rank++) {
      const at = <usize>load<u32>(first + (<usize>rank << 3)) << 2
      const kept = load<i32>(draws + at) >= load<i32>(limits + (<usize>rank << 2))
      store<f32>(v + at, kept ? load<f32>(v + at) * load<f32>(factors + (<usize>rank << 2)) : 0)
    }
  }
}

/** Number of magnitudes from `from` to `to` − 1 of a row that lie in [least, limit). */
@inline function countWithin(v: usize, from: i32, to: i32, least: i32, limit: i32): i32 {
  const magnitude = i32x4.splat(0x7fffffff)
  const leasts = i32x4.splat(least)
  const width = i32x4.splat(limit - least)
  let counts = i32x4.splat(0)
  let j = from
  for (; j + 4 <= to; j += 4) {
    // Below the least one wraps around to a large unsigned number.
    const above = i32x4.sub(v128.and(v128.load(v + (<usize>j << 2)), magnitude), leasts)
    counts = i32x4.sub(counts, i32x4.lt_u(above, width))
  }
  let count = i32x4.extract_lane(counts, 0) + i32x4.extract_lane(counts, 1) + i32x4.extract_lane(counts, 2) + i32x4.extract_lane(counts, 3)
  for (; j < to; j++) {
    const other = load<i32>(v + (<usize>j << 2)) & 0x7fffffff
    count += other >= least && other < limit ? 1 : 0
  }
  return count
}

/** Number of magnitudes of the row that share the bin of entry i and come before it: smaller ones, and equal ones of a lower index. */
function before(v: usize, columns: i32, i: i32, bits: i32): i32 {
  const least = bits >> SHIFT << SHIFT
  return countWithin(v, 0, i, least, bits + 1) + countWithin(v, i, columns, least, bits)
}

/**
 * v = 0 where the draw is below the limit of its rank, as `prune` with factors of 1. The limits fall with the rank. The bin of an entry
 * bounds its rank, and the bounds decide nearly all entries; only the others need the rank itself.
 * @param space 4 bytes for each of 4098 bins, zeroed, and 4 bytes for each column
 */
export function thin(v: usize, draws: usize, rows: i32, columns: i32, limits: usize, space: usize): void {
  const bytes = <usize>columns << 2
  const result = space + 4098 * 4
  for (let row = 0; row < rows; row++, v += bytes, draws += bytes) {
    let least: u32 = 4096
    let most: u32 = 0
    for (let i: usize = 0; i < bytes; i += 4) {
      const bin = (load<u32>(v + i) & 0x7fffffff) >> SHIFT
      const at = space + (<usize>bin << 2)
      store<u32>(at, load<u32>(at) + 1)
      least = min(least, bin - 1)
      most = max(most, bin)
    }
    // Bin 0 holds the zeros: far from all others, it is not walked to.
    least++
    let sum = load<u32>(space)
    store<u32>(space, 0)
    store<u32>(space, sum, 4)
    for (let bin = least; bin <= most; bin++) {
      const at = space + (<usize>bin << 2)
      const size = load<u32>(at)
      store<u32>(at, sum)
      sum += size
    }
    store<u32>(space + (<usize>(most + 1) << 2), sum)
    for (let i: usize = 0; i < bytes; i += 4) {
      const word = load<u32>(v + i)
      const bits = word & 0x7fffffff
      const bin = space + (<usize>(bits >> SHIFT) << 2)
      const draw = load<i32>(draws + i)
      let kept = draw >= load<i32>(limits + (<usize>load<u32>(bin) << 2))
      if (!kept && bits != 0 && draw >= load<i32>(limits + (<usize>load<u32>(bin, 4) << 2) - 4))
        kept = draw >= load<i32>(limits + (<usize>(load<u32>(bin) + before(v, columns, <i32>(i >> 2), bits)) << 2))
      store<u32>(result + i, kept ? word : 0)
    }
    memory.copy(v, result, bytes)
    store<u64>(space, 0)
    if (least <= most) memory.fill(space + (<usize>least << 2), 0, (<usize>(most - least) + 2) << 2)
  }
}
