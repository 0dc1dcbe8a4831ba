// MAGPRUNE: entries are ranked by magnitude within their row, and the rank decides the probability of being kept.

const DIGIT: usize = 256

/**
 * A bin leaves out so many bits of a magnitude, at least: 8 bits of exponent and up to 6 of fraction remain, fewer in short rows. Each has
 * two bins: the magnitude whose other bits are 0, of which most differences of two bf16 numbers are, and the magnitudes above it.
 */
const SHIFT: i32 = 17
/** Bytes of the bins for entries that are 0: four of them, because one would have to wait for itself. They lie before the others. */
const ZEROS: usize = 32
/** Bytes of all bins; there is one more. */
const BINS: usize = ZEROS + 8 * ((1 << 14) + 1)

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
 * @param space as for `decideRows`
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

@inline function laneSum(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
}

/** Number of magnitudes below the limit in bytes `from` to `to` of a row, multiples of 16. */
@inline function countBelow(v: usize, from: usize, to: usize, limit: i32): i32 {
  const magnitude = i32x4.splat(0x7fffffff)
  const limits = i32x4.splat(limit)
  let a = i32x4.splat(0)
  let b = a
  for (; from + 64 <= to; from += 64) {
    a = i32x4.add(a, i32x4.lt_s(v128.and(v128.load(v + from), magnitude), limits))
    b = i32x4.add(b, i32x4.lt_s(v128.and(v128.load(v + from, 16), magnitude), limits))
    a = i32x4.add(a, i32x4.lt_s(v128.and(v128.load(v + from, 32), magnitude), limits))
    b = i32x4.add(b, i32x4.lt_s(v128.and(v128.load(v + from, 48), magnitude), limits))
  }
  for (; from < to; from += 16) a = i32x4.add(a, i32x4.lt_s(v128.and(v128.load(v + from), magnitude), limits))
  return -laneSum(i32x4.add(a, b))
}

/** Number of magnitudes of a row of so many bytes before the entry at byte i: smaller ones, and equal ones of a lower index. */
function rankOf(v: usize, bytes: usize, i: usize): u32 {
  const bits = load<i32>(v + i) & 0x7fffffff
  const own = i & ~15
  const end = bytes & ~15
  let count = own < end
    ? countBelow(v, 0, own, bits + 1) + countBelow(v, own + 16, end, bits)
    : countBelow(v, 0, end, bits + 1)
  for (let j = own; j < min(own + 16, bytes); j += 4) count += (load<i32>(v + j) & 0x7fffffff) < bits + <i32>(j < i) ? 1 : 0
  for (let j = max(end, own + 16); j < bytes; j += 4) count += (load<i32>(v + j) & 0x7fffffff) < bits ? 1 : 0
  return count
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

// The addresses of the first and the last bin of a row besides those of 0.
let first: usize = 0
let last: usize = 0

/**
 * The number of magnitudes below each bin of a row, at the bin.
 * @param bins address of those that are not of 0, zeroed
 * @param own receives the address of each entry's bin
 * @param places receives the number of entries of its bin before each entry
 */
function rankBins(v: usize, columns: i32, bins: usize, own: usize, places: usize): void {
  const shift = min(SHIFT + 5, max(SHIFT, clz(columns) - 3))
  const magnitude = i32x4.splat(0x7fffffff)
  const others = i32x4.splat((1 << shift) - 1)
  const none = i32x4.splat(0)
  const starts = i32x4.splat(<i32>bins)
  // Odd ones before the first: they are no bins of one magnitude.
  const zeros = i32x4(-28, -20, -12, -4)
  const bytes = <usize>columns << 2
  let leasts = i32x4.splat(-1)
  let mosts = i32x4.splat(0)
  // Behind the end of the row lies something else: more bins are walked through than need be.
  for (let i: usize = 0; i < bytes; i += 16) {
    const bits = v128.and(v128.load(v + i), magnitude)
    const twice = i32x4.add(i32x4.shr_u(bits, shift), i32x4.shr_u(i32x4.add(bits, others), shift))
    const isZero = i32x4.eq(bits, none)
    const bin = v128.or(i32x4.shl(twice, 2), v128.and(isZero, zeros))
    leasts = i32x4.min_u(leasts, bin)
    mosts = i32x4.max_s(mosts, bin)
    v128.store(own + i, i32x4.add(bin, starts))
  }
  for (let i: usize = 0; i < bytes; i += 4) {
    const bin = <usize>load<u32>(own + i)
    const place = load<u32>(bin)
    store<u32>(bin, place + 1)
    store<u32>(places + i, place)
  }
  const least = min(
    min(<u32>i32x4.extract_lane(leasts, 0), <u32>i32x4.extract_lane(leasts, 1)),
    min(<u32>i32x4.extract_lane(leasts, 2), <u32>i32x4.extract_lane(leasts, 3)),
  )
  const most = max(
    max(i32x4.extract_lane(mosts, 0), i32x4.extract_lane(mosts, 1)),
    max(i32x4.extract_lane(mosts, 2), i32x4.extract_lane(mosts, 3)),
  )
  // Whole vectors of bins; none where all entries are 0.
  first = bins + (<usize>least & ~15)
  last = bins + (<usize>most & ~15)
  if (most < 0) first = last + 16
  let sums = i32x4.splat(laneSum(i32x4.add(v128.load(bins - 32), v128.load(bins - 16))))
  v128.store(bins - 32, none)
  v128.store(bins - 16, none)
  for (let at = first; at <= last; at += 16) {
    const sizes = v128.load(at)
    const pairs = i32x4.add(sizes, v128.shuffle<i32>(none, sizes, 0, 4, 5, 6))
    const all = i32x4.add(pairs, v128.shuffle<i32>(none, pairs, 0, 1, 4, 5))
    v128.store(at, i32x4.add(sums, i32x4.sub(all, sizes)))
    sums = i32x4.add(sums, v128.shuffle<i32>(all, all, 3, 3, 3, 3))
  }
  v128.store(last + 16, sums)
}

/** Decides an entry by its rank; what is decided stays. */
@inline function settle(draw: usize, limits: usize, rank: u32): void {
  store<i32>(draw, load<i32>(draw) >= load<i32>(limits + (<usize>rank << 2)) ? KEPT : DROPPED)
}

/** Decides the entries of a row whose draws do not do it alone. @param open bit for each of them, in groups of 64 */
function decide(v: usize, draws: usize, columns: i32, limits: usize, open: usize, space: usize): void {
  const bytes = <usize>columns << 2
  const own = open + (<usize>((columns + 63) >> 6) << 3)
  const places = own + bytes + 16
  const list = places + bytes
  const bins = space + ZEROS
  let left = list
  rankBins(v, columns, bins, own, places)
  for (let from: usize = 0; from < bytes; from += 256, open += 8) {
    for (let group = load<u64>(open); group != 0; group &= group - 1) {
      const i = from + (<usize>ctz(group) << 2)
      const draw = load<i32>(draws + i)
      const bin = <usize>load<u32>(own + i)
      // In a bin of one magnitude the place of an entry gives its rank. Otherwise the bin bounds it, and that decides nearly all entries.
      const isMixed = -(<i32>((bin - bins) >> 2) & 1)
      const least = load<i32>(bin) + (load<i32>(places + i) & ~isMixed)
      const most = least + ((load<i32>(bin, 4) - 1 - least) & isMixed)
      const kept = <i32>(draw >= load<i32>(limits + (<usize>least << 2)))
      const isOpen = ~kept & isMixed & <i32>(bin >= bins) & <i32>(draw >= load<i32>(limits + (<usize>most << 2)))
      // Without branches, which would be taken at random.
      store<i32>(draws + i, ((DROPPED ^ (kept << 31)) & (isOpen - 1)) | (draw & -isOpen))
      store<u32>(left, <u32>i)
      left += <usize>isOpen << 2
    }
  }
  if (<i32>((left - list) >> 2) > MOST_OPEN) {
    const sorted = sortRow(v, columns, space + BINS)
    for (let rank = 0; rank < columns; rank++)
      settle(draws + (<usize>load<u32>(sorted + (<usize>rank << 3)) << 2), limits, rank)
  } else
    for (let at = list; at < left; at += 4) {
      const i = <usize>load<u32>(at)
      settle(draws + i, limits, rankOf(v, bytes, i))
    }
  memory.fill(first, 0, last + 32 - first)
}

/**
 * Changes draws so that the largest limit alone says what `prune` with factors of 1 would keep. The limits fall with the rank, so draws
 * outside of them say it as they are.
 * @param space BINS bytes, zeroed, 4096 bytes, and 16 bytes for each column
 */
export function decideRows(v: usize, draws: usize, rows: i32, columns: i32, limits: usize, space: usize): void {
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
}
