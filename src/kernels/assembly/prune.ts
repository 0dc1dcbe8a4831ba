// MAGPRUNE: entries are ranked by magnitude within their row, and the rank decides the probability of being kept.

const DIGIT: usize = 256

/** Magnitudes are counted in bins by their upper bits: 8 of exponent, and 4 of fraction, or 6 where rows are long. */
const SHIFT: u32 = 19
const LONG_SHIFT: u32 = 17
/** Bytes of the bins: four counters each, because one alone would wait for itself where neighbours are equal; and one bin more. */
const BINS: usize = 16 * ((1 << 14) + 1)
/** Entries from which a row is long. */
const LONG: i32 = 4096

/** A row with more open entries than that is sorted. */
const MOST_OPEN: i32 = 96

// What stands for a draw once an entry is decided.
const KEPT: i32 = i32.MAX_VALUE
const DROPPED: i32 = -1

/** Sorts (magnitude << 32 | index) of a row, four digits of 8 bits. @param space 16 bytes for each column and 4096 bytes @returns where they are */
function sortRow(v: usize, columns: i32, space: usize): usize {
  const counts = space
  let from = space + 16 * DIGIT
  let to = from + (<usize>columns << 3)
  memory.fill(counts, 0, 16 * DIGIT)
  for (let i = 0; i < columns; i++) {
    const bits = load<u32>(v + (<usize>i << 2)) & 0x7fffffff
    store<u64>(from + (<usize>i << 3), (<u64>bits << 32) | <u64>i)
    for (let digit: usize = 0; digit < 4; digit++) {
      const at = counts + (digit << 10) + (<usize>((bits >> (<u32>digit << 3)) & 255) << 2)
      store<u32>(at, load<u32>(at) + 1)
    }
  }
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
  return from
}

/**
 * v ×= factor of its rank where the draw reaches the limit of its rank, else 0. Ranks count from the smallest magnitude; equal ones
 * rank by index.
 * @param draws 24 bits for each entry
 * @param limits least draw that keeps the entry, i32 for each rank
 * @param factors factor of a kept entry, f32 for each rank
 * @param space as for `thin`
 */
export function prune(v: usize, draws: usize, rows: i32, columns: i32, limits: usize, factors: usize, space: usize): void {
  const bytes = <usize>columns << 2
  for (let row = 0; row < rows; row++, v += bytes, draws += bytes) {
    const sorted = sortRow(v, columns, space + BINS)
    for (let rank = 0; rank < columns; rank++) {
      const at = <usize>load<u32>(sorted + (<usize>rank << 3)) << 2
      const kept = load<i32>(draws + at) >= load<i32>(limits + (<usize>rank << 2))
      store<f32>(v + at, kept ? load<f32>(v + at) * load<f32>(factors + (<usize>rank << 2)) : 0)
    }
  }
}

/** Number of magnitudes from `from` to `to` − 1 of a row that are below the limit. */
@inline function countBelow(v: usize, from: i32, to: i32, limit: i32): i32 {
  const magnitude = i32x4.splat(0x7fffffff)
  const limits = i32x4.splat(limit)
  let a = i32x4.splat(0)
  let b = a
  let j = from
  for (; j + 16 <= to; j += 16) {
    const at = v + (<usize>j << 2)
    a = i32x4.add(a, i32x4.lt_s(v128.and(v128.load(at), magnitude), limits))
    b = i32x4.add(b, i32x4.lt_s(v128.and(v128.load(at, 16), magnitude), limits))
    a = i32x4.add(a, i32x4.lt_s(v128.and(v128.load(at, 32), magnitude), limits))
    b = i32x4.add(b, i32x4.lt_s(v128.and(v128.load(at, 48), magnitude), limits))
  }
  a = i32x4.add(a, b)
  let count = -(i32x4.extract_lane(a, 0) + i32x4.extract_lane(a, 1) + i32x4.extract_lane(a, 2) + i32x4.extract_lane(a, 3))
  for (; j < to; j++) count += (load<i32>(v + (<usize>j << 2)) & 0x7fffffff) < limit ? 1 : 0
  return count
}

/** Number of magnitudes of the row before entry i: smaller ones, and equal ones of a lower index. */
function rankOf(v: usize, columns: i32, i: i32): i32 {
  const bits = load<i32>(v + (<usize>i << 2)) & 0x7fffffff
  return countBelow(v, 0, i, bits + 1) + countBelow(v, i, columns, bits)
}

/** 16 bits: which of 16 draws lie in [least, least + width). */
@inline function openBits(draws: usize, leasts: v128, width: v128): u64 {
  const a = i32x4.lt_u(i32x4.sub(v128.load(draws), leasts), width)
  const b = i32x4.lt_u(i32x4.sub(v128.load(draws, 16), leasts), width)
  const c = i32x4.lt_u(i32x4.sub(v128.load(draws, 32), leasts), width)
  const d = i32x4.lt_u(i32x4.sub(v128.load(draws, 48), leasts), width)
  return <u64>i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)))
}

/** 64 bits: which of 64 draws lie there. */
@inline function openGroup(draws: usize, leasts: v128, width: v128): u64 {
  return openBits(draws, leasts, width) |
    (openBits(draws + 64, leasts, width) << 16) |
    (openBits(draws + 128, leasts, width) << 32) |
    (openBits(draws + 192, leasts, width) << 48)
}

@inline function count(at: usize): void {
  store<u32>(at, load<u32>(at) + 1)
}

// The bins that a row has besides that of 0, from the first to the last: bytes from the first bin of all.
let first: usize = 0
let last: usize = 0

/** Turns a row into a histogram, and that into the number of magnitudes below each bin. @param space of the bins, zeroed */
function rankBins(v: usize, columns: i32, shift: u32, space: usize): void {
  const magnitude = i32x4.splat(0x7fffffff)
  const one = i32x4.splat(1)
  // A shift that gives bytes instead of bins.
  const near = shift - 4
  const mask = (0x7fffffff >> near) & ~15
  let leasts = i32x4.splat(-1)
  let mosts = i32x4.splat(0)
  let i = 0
  for (; i + 4 <= columns; i += 4, v += 16) {
    const bits = v128.and(v128.load(v), magnitude)
    // 0 becomes the largest number.
    leasts = i32x4.min_u(leasts, i32x4.sub(bits, one))
    mosts = i32x4.max_u(mosts, bits)
    const a = load<u64>(v)
    const b = load<u64>(v, 8)
    count(space + ((<u32>a >> near) & mask))
    count(space + ((<u32>(a >> 32) >> near) & mask) + 4)
    count(space + ((<u32>b >> near) & mask) + 8)
    count(space + ((<u32>(b >> 32) >> near) & mask) + 12)
  }
  let least = min(
    min(<u32>i32x4.extract_lane(leasts, 0), <u32>i32x4.extract_lane(leasts, 1)),
    min(<u32>i32x4.extract_lane(leasts, 2), <u32>i32x4.extract_lane(leasts, 3)),
  )
  let most = max(
    max(<u32>i32x4.extract_lane(mosts, 0), <u32>i32x4.extract_lane(mosts, 1)),
    max(<u32>i32x4.extract_lane(mosts, 2), <u32>i32x4.extract_lane(mosts, 3)),
  )
  for (; i < columns; i++, v += 4) {
    const bits = load<u32>(v) & 0x7fffffff
    least = min(least, bits - 1)
    most = max(most, bits)
    count(space + ((bits >> near) & mask))
  }
  first = ((least + 1) >> near) & mask
  last = (most >> near) & mask
  let sum: u32 = 0
  // The bin of 0 is far from all others, and not walked to.
  if (first > 0) {
    sum = sizeOf(space)
    v128.store(space, i32x4.splat(0))
  }
  for (let at = space + first; at <= space + last; at += 16) {
    const size = sizeOf(at)
    store<u32>(at, sum)
    sum += size
  }
  store<u32>(space + last + 16, sum)
}

/** Number of entries in the bin. */
@inline function sizeOf(at: usize): u32 {
  const pair = load<u64>(at) + load<u64>(at, 8)
  return <u32>pair + <u32>(pair >> 32)
}

/** Decides the entries of a row whose draws do not do it alone. @param open bit for each of them, in groups of 64 */
function decide(v: usize, draws: usize, columns: i32, limits: usize, open: usize, space: usize): void {
  const shift = columns < LONG ? SHIFT : LONG_SHIFT
  const near = shift - 4
  const mask = (0x7fffffff >> near) & ~15
  const list = open + (<usize>((columns + 63) >> 6) << 3)
  let left = list
  rankBins(v, columns, shift, space)
  for (let from = 0; from < columns; from += 64, open += 8) {
    for (let group = load<u64>(open); group != 0; group &= group - 1) {
      const i = <usize>(from + <i32>ctz(group)) << 2
      const bits = load<u32>(v + i) & 0x7fffffff
      const draw = load<i32>(draws + i)
      const bin = space + ((bits >> near) & mask)
      const least = load<u32>(bin)
      const most = load<u32>(bin, 16)
      const kept = <i32>(draw >= load<i32>(limits + (<usize>least << 2)))
      // A bin bounds the rank, and that decides nearly all entries. An entry of 0 may be taken for dropped.
      const stays = ~kept & <i32>(draw >= load<i32>(limits + (<usize>most << 2) - 4)) & <i32>(bits != 0)
      store<i32>(draws + i, stays ? draw : kept ? KEPT : DROPPED)
      store<u32>(left, <u32>i)
      left += <usize>stays << 2
    }
  }
  if (<i32>((left - list) >> 2) > MOST_OPEN) {
    const sorted = sortRow(v, columns, space + BINS)
    for (let rank = 0; rank < columns; rank++) {
      const at = draws + (<usize>load<u32>(sorted + (<usize>rank << 3)) << 2)
      store<i32>(at, load<i32>(at) >= load<i32>(limits + (<usize>rank << 2)) ? KEPT : DROPPED)
    }
  } else
    for (; list < left; ) {
      left -= 4
      const at = <usize>load<u32>(left)
      const rank = rankOf(v, columns, <i32>(at >> 2))
      store<i32>(draws + at, load<i32>(draws + at) >= load<i32>(limits + (<usize>rank << 2)) ? KEPT : DROPPED)
    }
  v128.store(space, i32x4.splat(0))
  v128.store(space, i32x4.splat(0), 16)
  if (first <= last) memory.fill(space + first, 0, last - first + 32)
}

/**
 * v = 0 where the draw is below the limit of its rank, as `prune` with factors of 1. The limits fall with the rank, so draws outside of
 * them decide alone.
 * @param draws changed: those that do not decide alone become ones that do
 * @param space BINS bytes, zeroed, 4096 bytes, and 16 bytes for each column
 */
export function thin(v: usize, draws: usize, rows: i32, columns: i32, limits: usize, space: usize): void {
  const bytes = <usize>columns << 2
  const least = load<i32>(limits + bytes - 4)
  const most = load<i32>(limits)
  const leasts = i32x4.splat(least)
  const width = i32x4.splat(most - least)
  const open = space + BINS
  const whole = <usize>rows * bytes
  for (let row: usize = 0; least < most && row < whole; row += bytes) {
    let any: u64 = 0
    for (let i = 0; i < columns; i += 64) {
      let group = openGroup(draws + row + (<usize>i << 2), leasts, width)
      if (columns - i < 64) group &= (<u64>1 << <u64>(columns - i)) - 1
      store<u64>(open + <usize>(i >> 3), group)
      any |= group
    }
    if (any != 0) decide(v + row, draws + row, columns, limits, open, space)
  }
  const mosts = i32x4.splat(most)
  for (const end = v + whole; v < end; v += 16, draws += 16) v128.store(v, v128.and(v128.load(v), i32x4.ge_s(v128.load(draws), mosts)))
}
